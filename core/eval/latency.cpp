#include "core/eval/latency.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/eval/autocast.h"

namespace autonorm::eval {
namespace {

struct Passes {
  size_t fewest, most;
  std::chrono::milliseconds enough;
};
constexpr Passes kWarmUp{1, 10, std::chrono::milliseconds(100)};  // caches, kernels, memory
constexpr Passes kCounted{3, 100, std::chrono::milliseconds(200)};

// Returns once the device has finished.
void pass_through(models::Model& model, const at::Tensor& images, const norms::StepContext& context) {
  const at::Tensor out =
      model.reconstructs() ? model.reconstruct(images, context).losses : model.forward(images, context);
  out.flatten().narrow(0, 0, 1).to(at::kCPU);  // [1]
}

}  // namespace

Latency latency(models::Model& model, const data::Split& split, int64_t batch, const EvaluationOptions& options,
                const Clock& clock) {
  const at::NoGradGuard no_grad;
  const at::Device device = split.labels.device();
  std::vector<int64_t> samples(static_cast<size_t>(batch));
  std::iota(samples.begin(), samples.end(), 0);
  const at::Tensor indices = at::arange(batch, at::TensorOptions(at::kLong).device(device)).remainder(split.size());
  const at::Tensor images = data::gather_images(split, indices, options.scale);  // [B, C, H, W]
  const norms::StepContext context = options.context(samples);
  const Autocast autocast(device.type(), options.bf16);
  const auto times = [&](const Passes& wanted) {
    std::vector<double> ms;
    const SteadyTime begin = clock.now().steady;
    while (ms.size() < wanted.fewest || (ms.size() < wanted.most && clock.now().steady - begin < wanted.enough)) {
      const SteadyTime from = clock.now().steady;
      pass_through(model, images, context);
      ms.push_back(std::chrono::duration<double, std::milli>(clock.now().steady - from).count());
    }
    std::ranges::sort(ms);
    return ms;
  };
  times(kWarmUp);
  const std::vector<double> ms = times(kCounted);
  return {.median_ms = ms[ms.size() / 2], .p95_ms = ms[(ms.size() * 95 + 99) / 100 - 1]};
}

}  // namespace autonorm::eval
