#include "core/train/fold_checkpoint.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "core/train/facts.h"
#include "core/train/teacher.h"

namespace autonorm::train {
namespace {

constexpr double kLargestDifference = 1e-4;
constexpr int64_t kImages = 256;
constexpr int kPasses = 9;

at::Tensor logits_of(models::Model& model, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  std::vector<int64_t> samples(static_cast<size_t>(images.size(0)));
  std::iota(samples.begin(), samples.end(), 0);
  return model.forward(images, {.training = false, .samples = &samples});
}

}  // namespace

double inference_speed(models::Model& model, const at::Tensor& images, int passes) {
  std::vector<double> seconds;
  for (int pass = 0; pass < passes; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    logits_of(model, images);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return static_cast<double>(images.size(0)) / *middle;
}

Result<FoldReport> fold_checkpoint(const checkpoint::Checkpoint& trained, const data::Dataset& dataset,
                                   const std::filesystem::path& out) {
  const auto config = config::parse_trial(trained.config);
  if (!config.ok()) return config.status();
  const models::InputShape input{
      .channels = dataset.channels, .height = dataset.height, .width = dataset.width, .classes = dataset.classes};
  auto model = models::make_model(*config, input);
  if (!model.ok()) return model.status();
  AUTONORM_RETURN_IF_ERROR(load_parameters(trained.tensors, (*model)->table()));
  auto folded = models::fold(*config, **model, input);
  if (!folded.ok()) return folded.status();

  const int64_t count = std::min(kImages, dataset.test.size());
  const at::Tensor images =
      data::gather_images(dataset.test, at::arange(count, at::TensorOptions(at::kLong)), dataset.scale);
  FoldReport report{.sites = folded->sites, .kept = folded->kept, .images = count, .checkpoint = {}};
  report.largest_difference =
      (logits_of(**model, images) - logits_of(*folded->model, images)).abs().max().item<double>();
  if (!(report.largest_difference <= kLargestDifference)) {
    return invalid("the folded model differs by ", report.largest_difference, " in an output, more than ",
                   kLargestDifference, "; nothing is written");
  }
  report.before = inference_speed(**model, images, kPasses);
  report.after = inference_speed(*folded->model, images, kPasses);
  checkpoint::Checkpoint written{.trial = config::trial_id(folded->config),
                                 .step = trained.step,
                                 .config = config::resolved(folded->config),
                                 .host_state = {{"folded_from", trained.trial.value()}},
                                 .tensors = model_tensors(folded->model->table())};
  auto saved = checkpoint::save(out, written);
  if (!saved.ok()) return saved.status();
  report.checkpoint = *saved;
  return report;
}

}  // namespace autonorm::train
