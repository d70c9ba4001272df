#include "core/eval/evaluator.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "core/eval/autocast.h"
#include "core/eval/loss.h"

namespace autonorm::eval {
namespace {

// What one rank adds up, on the device.
struct Sums {
  explicit Sums(at::Device device)
      : correct(at::zeros({}, at::TensorOptions(at::kLong).device(device))),
        loss(at::zeros({}, at::TensorOptions(at::kDouble).device(device))) {}
  at::Tensor correct;  // [] int64
  at::Tensor loss;     // [] float64
  int64_t judged = 0;
};

// images [B, C, H, W] → [B, K]
at::Tensor logits_of(models::Model& model, const at::Tensor& images, const norms::StepContext& context, bool tta) {
  at::Tensor logits = model.forward(images, context);  // [B, K]
  if (!tta) return logits;
  if (logits.scalar_type() == at::kBFloat16) logits = logits.to(at::kFloat);  // sums of bf16 would tie
  for (const at::Tensor& view : {images.flip(3), images.roll(1, 2), images.roll(-1, 3)}) {
    logits = logits + model.forward(view.contiguous(), context);
  }
  return logits / 4;
}

void add_batch(models::Model& model, const data::Split& split, const EvaluationOptions& options, int64_t first,
               int64_t last, Sums& sums) {
  std::vector<int64_t> samples(static_cast<size_t>(last - first));
  std::iota(samples.begin(), samples.end(), first);
  const at::Tensor indices = at::arange(first, last, at::TensorOptions(at::kLong).device(split.labels.device()));
  const at::Tensor labels = split.labels.narrow(0, first, last - first);  // [B]
  norms::StepContext context = options.context(samples);
  context.record = options.record;
  const Autocast autocast(split.labels.device().type(), options.bf16);
  const at::Tensor images = data::gather_images(split, indices, options.scale);  // [B, C, H, W]
  if (model.reconstructs()) {
    const models::Reconstruction reconstruction = model.reconstruct(images, context);
    sums.correct += reconstruction.close;
    sums.loss += reconstruction.losses.sum(at::kDouble);
    sums.judged += reconstruction.values * (last - first);
    return;
  }
  const at::Tensor logits = logits_of(model, images, context, options.tta);  // [B, K]
  if (labels.is_floating_point()) {
    sums.loss += squared_error(logits, labels).sum(at::kDouble);
    return;
  }
  sums.judged += last - first;
  sums.correct += (logits.argmax(1) == labels).sum();
  sums.loss += cross_entropy(logits, labels).sum(at::kDouble);
}

}  // namespace

Evaluation evaluate(models::Model& model, const data::Split& split, const EvaluationOptions& options,
                    distributed::Gang& gang) {
  const at::NoGradGuard no_grad;
  Evaluation result;
  result.samples = split.size();
  if (result.samples == 0) return result;
  const int64_t first = result.samples * gang.rank() / gang.size();
  const int64_t last = result.samples * (gang.rank() + 1) / gang.size();
  result.local_samples = last - first;
  Sums sums(split.labels.device());
  for (int64_t at = first; at < last; at += options.batch) {
    add_batch(model, split, options, at, std::min(last, at + options.batch), sums);
  }
  at::Tensor judged = at::full({}, sums.judged, at::TensorOptions(at::kLong).device(split.labels.device()));
  gang.all_reduce_sum(judged);
  gang.all_reduce_sum(sums.correct);
  gang.all_reduce_sum(sums.loss);
  result.judged = judged.item<int64_t>();
  result.correct = sums.correct.item<int64_t>();
  result.loss_sum = sums.loss.item<double>();
  return result;
}

}  // namespace autonorm::eval
