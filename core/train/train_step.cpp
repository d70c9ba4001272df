#include "core/train/train_step.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <numeric>

#include "core/eval/autocast.h"
#include "core/eval/loss.h"
#include "core/optim/schedule.h"

namespace autonorm::train {
namespace {

bool any_meets(const norms::ParameterTable& table) {
  return std::ranges::any_of(table.stateful(), [](const norms::Stateful* norm) { return norm->meets_in_forward(); });
}

}  // namespace

TrainStep::TrainStep(const config::TrialConfig& config, const BatchPlan& plan, models::Model& model,
                     optim::Optimizer& optimizer, distributed::Gang& gang, StepData data)
    : config_(config),
      plan_(plan),
      model_(model),
      optimizer_(optimizer),
      gang_(gang),
      data_(std::move(data)),
      parameters_(model.table().trainable()),
      reducer_(gang.make_reducer(parameters_)),
      ranks_(gang),
      norms_meet_(gang.size() > 1 && any_meets(model.table())) {
  if (config.train.augment == config::Augment::kCropFlip) augment_.emplace(config.seed, config.train.crop_min);
  if (const auto flips = config::pads_and_crops(config.train.augment)) shifting_.emplace(config.seed, *flips);
  if (config.train.policy != config::Policy::kNone) policy_.emplace(config.seed, config.train);
  if (config.train.erase > 0) erasing_.emplace(config.seed, config.train.erase);
  if (config::mixes(config.train)) mixing_.emplace(config.seed, config.train);
}

void TrainStep::run(int64_t step, const at::Tensor& order, LossMeter& meter) {
  optimizer_.clear_gradients();
  // The reducer averages over ranks: a sum divided by (global count / ranks) averages to the global mean.
  const double weight = static_cast<double>(gang_.size()) / static_cast<double>(plan_.global_batch(step).size());
  for (int64_t micro = 0; micro < config_.train.accumulate; ++micro) {
    const bool last = micro + 1 == config_.train.accumulate;
    const Range range = plan_.local_micro_batch(step, micro);
    if (last) reducer_->prepare_last_micro_batch();
    // Where no rank has a sample, no norm is to see a batch.
    const bool meet = norms_meet_ && plan_.global_micro_batch(step, micro).size() > 0;
    if (range.size() > 0 || meet) {
      const at::Tensor loss = micro_batch_loss(step, micro, range, order);  // [], sum over samples
      meter.add(loss);
      (loss * weight).backward();
    } else if (last) {
      zero_loss().backward();
    }
  }
  reducer_->finish();
  const norms::StepContext context = step_context(step, config_.train.accumulate - 1);
  for (norms::Stateful* norm : model_.table().stateful()) norm->gradients_ready(context);
  optimizer_.step(optim::learning_rate(config_.train, step, plan_.total_steps()), config_.train.clip);
}

norms::StepContext TrainStep::step_context(int64_t step, int64_t micro) {
  return {.training = true,
          .step = step,
          .micro_batch = micro,
          .total_steps = plan_.total_steps(),
          .epoch = plan_.epoch_of(step),
          .seed = config_.seed,
          .ranks = &ranks_};
}

at::Tensor TrainStep::images_at(const at::Tensor& indices, const std::vector<int64_t>& positions, int64_t step,
                                int64_t micro) const {
  const auto at = static_cast<uint32_t>(step), part = static_cast<uint32_t>(micro);
  at::Tensor images = data::gather_images(*data_.train, indices, data_.scale);  // [B, C, H, W]
  if (augment_) images = (*augment_)(images, positions, at, part, data_.scale);
  if (shifting_) images = (*shifting_)(images, positions, at, part, data_.scale);
  if (policy_) images = (*policy_)(images, positions, at, part, data_.scale);
  if (erasing_) (*erasing_)(images, positions, at, part);
  return images;
}

TrainStep::Partners TrainStep::partners_of(Range range, int64_t step, int64_t micro, const at::Tensor& order) const {
  const Range all = plan_.global_micro_batch(step, micro);
  const int64_t first = all.first + all.last - range.last, start = plan_.global_batch(step).first;
  Partners partners{.indices = order.narrow(0, first, range.size()).flip(0), .positions = {}};
  for (int64_t i = range.size(); i > 0; --i) partners.positions.push_back(first + i - 1 - start);
  return partners;
}

at::Tensor TrainStep::label_losses(const at::Tensor& logits, const at::Tensor& indices) const {
  const at::Tensor labels = data_.train->labels.index_select(0, indices);  // [B]
  if (labels.is_floating_point()) return eval::squared_error(logits, labels);
  const at::Tensor own = eval::cross_entropy(logits, labels, config_.train.label_smoothing);
  if (!config_.train.distill) return own;
  const auto& distill = *config_.train.distill;
  const at::Tensor teacher = data_.teacher_logits.index_select(0, indices);  // [B, K]
  const at::Tensor taught = distill.hard ? eval::hard_distillation(logits, teacher)
                                         : eval::distillation(logits, teacher, distill.temperature);  // [B]
  return own * (1.0 - distill.alpha) + taught * distill.alpha;
}

at::Tensor TrainStep::micro_batch_loss(int64_t step, int64_t micro, Range range, const at::Tensor& order) {
  std::vector<int64_t> positions(static_cast<size_t>(range.size()));
  std::iota(positions.begin(), positions.end(), range.first - plan_.global_batch(step).first);
  const at::Tensor indices = order.narrow(0, range.first, range.size());  // [B]
  norms::StepContext context = step_context(step, micro);
  context.samples = &positions;
  at::Tensor penalty;  // [B] or [1]
  context.penalty = &penalty;
  const eval::Autocast autocast(order.device().type(), config_.train.precision == config::Precision::kBf16);
  at::Tensor images = images_at(indices, positions, step, micro);  // [B, C, H, W]
  if (model_.reconstructs()) {
    const at::Tensor hidden = model_.reconstruct(images, context).losses;  // [B]
    return (penalty.defined() ? hidden + penalty : hidden).sum();
  }
  data::Mix mix;
  Partners partners;
  if (mixing_) {
    mix = mixing_->draw(static_cast<uint32_t>(step), static_cast<uint32_t>(micro), images.size(2), images.size(3));
  }
  if (mix.share < 1) {
    partners = partners_of(range, step, micro, order);
    images = data::mixed(images, images_at(partners.indices, partners.positions, step, micro), mix);
  }
  const at::Tensor logits = model_.forward(images, context);  // [B, K]
  at::Tensor losses = label_losses(logits, indices);          // [B]
  if (mix.share < 1) losses = losses * mix.share + label_losses(logits, partners.indices) * (1.0 - mix.share);
  if (penalty.defined()) losses = losses + penalty;
  return losses.sum();
}

// Reaches every trainable parameter with a gradient of exact zeros, also from parameters that are not finite.
at::Tensor TrainStep::zero_loss() const {
  at::Tensor sum;
  for (const at::Tensor& parameter : parameters_) {
    const at::Tensor nothing = parameter.flatten().narrow(0, 0, 0).sum();
    sum = sum.defined() ? sum + nothing : nothing;
  }
  return sum;
}

}  // namespace autonorm::train
