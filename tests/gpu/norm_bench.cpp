// The CUDA kernels of the fused norms beside the GPU's copy bandwidth and beside their composed forms, in one run.
//
// gpu_norm_bench [LIBRARY]: the CUDA part, default lib/libautonorm_cuda.so beside this program's folder. Says so and
// ends with 0 where there is no GPU. Bytes as in kernel_bench: forward x and y, backward x, dy and dx.
#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/kernels/cuda_part.h"
#include "tests/unit/kernels/fused_cases.h"

namespace {

using autonorm::kernels::FusedCase;
using autonorm::kernels::Tensors;
using Work = std::function<void()>;

// Seconds per call: the best of five series of calls that the GPU works off without a pause.
double seconds(const Work& work) {
  constexpr int kCalls = 50;
  double best = 1e9;
  work();
  for (int series = 0; series < 5; ++series) {
    at::detail::getCUDAHooks().deviceSynchronize(0);
    const auto start = std::chrono::steady_clock::now();
    for (int call = 0; call < kCalls; ++call) work();
    at::detail::getCUDAHooks().deviceSynchronize(0);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / kCalls);
  }
  return best;
}

void measure(const FusedCase& one, int64_t batch, int64_t tokens, int64_t channels, at::ScalarType type) {
  const auto gpu = at::TensorOptions(at::Device(at::kCUDA, 0));
  const at::Tensor x = at::randn({batch, tokens, channels}, gpu).to(type), dy = at::randn(x.sizes(), gpu).to(type);
  Tensors p;
  for (const auto& shape : one.shapes(batch, channels)) p.push_back(at::full(shape, 0.5, gpu).requires_grad_(true));
  const at::Tensor out = at::empty_like(x), leaf = x.detach().clone().requires_grad_(true);
  const auto forward = [&](const auto& function) {
    const at::NoGradGuard no_grad;
    return seconds([&] { function(x, p); });
  };
  const auto backward = [&](const auto& function) {
    const at::Tensor y = function(leaf, p);
    return seconds([&] {
      leaf.mutable_grad().reset();
      for (const at::Tensor& q : p) q.mutable_grad().reset();
      y.backward(dy, /*retain_graph=*/true);
    });
  };
  const double bytes = static_cast<double>(x.nbytes()) * 1e-9;
  const double copy = 2 * bytes / seconds([&] { out.copy_(x); });
  const double f = forward(one.fused), fc = forward(one.composed), b = backward(one.fused), bc = backward(one.composed);
  std::printf(
      "%-6s %-9s %4ldx%ldx%-5ld copy %7.0f GB/s | forward %7.0f GB/s %3.0f%% of copy, %5.2fx composed | backward "
      "%7.0f GB/s %3.0f%%, %5.2fx\n",
      one.name.c_str(), c10::toString(type), batch, tokens, channels, copy, 2 * bytes / f, 200 * bytes / f / copy,
      fc / f, 3 * bytes / b, 300 * bytes / b / copy, bc / b);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path program = std::filesystem::canonical("/proc/self/exe");
  const std::filesystem::path library =
      argc > 1 ? argv[1] : program.parent_path().parent_path() / "lib" / "libautonorm_cuda.so";
  const auto part = autonorm::kernels::load_cuda_part(library);
  if (!part.ok() || (*part)->device_count() == 0) {
    std::printf("gpu_norm_bench: nothing measured: %s\n",
                part.ok() ? "this machine has no GPU" : part.status().message().c_str());
    return 0;
  }
  (*part)->prepare_device(0);
  for (const FusedCase& one : autonorm::kernels::fused_cases()) {
    if (one.name.find('_') != std::string::npos) continue;  // variants
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      measure(one, 256, 197, 768, type);
      measure(one, 64, 17, 64, type);
    }
  }
  return 0;
}
