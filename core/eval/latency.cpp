#include "core/eval/latency.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/eval/autocast.h"

namespace autonorm::eval {
namespace {

constexpr std::chrono::milliseconds kEnough(200);
constexpr size_t kFewestPasses = 3, kMostPasses = 10;

// Returns once the device has finished.
void pass_through(models::Model& model, const at::Tensor& images, const norms::StepContext& context) {
  const at::Tensor out =
      model.reconstructs() ? model.reconstruct(images, context).losses : model.forward(images, context);
  out.flatten().narrow(0, 0, 1).to(at::kCPU);  // [1]
}

}  // namespace

double latency_ms(models::Model& model, const data::Split& split, const EvaluationOptions& options,
                  const Clock& clock) {
  const at::NoGradGuard no_grad;
  const at::Device device = split.labels.device();
  std::vector<int64_t> samples(kLatencyBatch);
  std::iota(samples.begin(), samples.end(), 0);
  const at::Tensor indices =
      at::arange(kLatencyBatch, at::TensorOptions(at::kLong).device(device)).remainder(split.size());
  const at::Tensor images = data::gather_images(split, indices, options.scale);  // [B, C, H, W]
  const norms::StepContext context = options.context(samples);
  const Autocast autocast(device.type(), options.bf16);
  pass_through(model, images, context);  // caches, kernels, memory
  std::vector<double> ms;
  const SteadyTime begin = clock.now().steady;
  while (ms.size() < kFewestPasses || (ms.size() < kMostPasses && clock.now().steady - begin < kEnough)) {
    const SteadyTime from = clock.now().steady;
    pass_through(model, images, context);
    ms.push_back(std::chrono::duration<double, std::milli>(clock.now().steady - from).count());
  }
  std::ranges::nth_element(ms, ms.begin() + static_cast<std::ptrdiff_t>(ms.size() / 2));
  return ms[ms.size() / 2] / static_cast<double>(kLatencyBatch);
}

}  // namespace autonorm::eval
