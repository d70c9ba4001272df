// libautonorm_cuda.so: the table of functions, and the operators' CUDA implementations.
#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>
#include <torch/version.h>

#include "core/distributed/nccl_group.h"
#include "core/kernels/cuda_part.h"
#include "core/kernels/gather_normalize_cuda.h"

namespace autonorm::kernels {
namespace {

at::Tensor gather_normalize_cuda(const at::Tensor& images, const at::Tensor& indices, double scale,
                                 at::ScalarType dtype) {
  TORCH_CHECK(images.dim() == 4 && images.scalar_type() == at::kByte,
              "gather_normalize: images must be [N, C, H, W] uint8");
  TORCH_CHECK(indices.dim() == 1 && indices.scalar_type() == at::kLong, "gather_normalize: indices must be [B] int64");
  TORCH_CHECK(images.device() == indices.device(), "gather_normalize: images and indices must be on one device");
  TORCH_CHECK(dtype == at::kFloat || dtype == at::kBFloat16,
              "gather_normalize: dtype must be float32 or bfloat16, not ", dtype);
  TORCH_CHECK(scale > 0, "gather_normalize: scale must be > 0, not ", scale);
  const c10::cuda::CUDAGuard guard(images.device());
  const auto from = images.contiguous();
  const auto which = indices.contiguous();
  at::Tensor out = at::empty({which.size(0), from.size(1), from.size(2), from.size(3)}, from.options().dtype(dtype));
  const GatherArguments arguments{.images = from.const_data_ptr<uint8_t>(),
                                  .indices = which.const_data_ptr<int64_t>(),
                                  .count = from.size(0),
                                  .batch = which.size(0),
                                  .pixels = from.size(1) * from.size(2) * from.size(3),
                                  .scale = static_cast<float>(scale),
                                  .type = dtype == at::kFloat ? GatherOutput::kFloat32 : GatherOutput::kBFloat16,
                                  .out = out.data_ptr()};
  C10_CUDA_CHECK(launch_gather_normalize(arguments, c10::cuda::getCurrentCUDAStream()));
  return out;
}

TORCH_LIBRARY_IMPL(autonorm, CUDA, library) { library.impl("gather_normalize", gather_normalize_cuda); }

int device_count() { return c10::cuda::device_count(); }

void prepare_device(int device) {
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
  auto& context = at::globalContext();
  context.lazyInitDevice(at::kCUDA);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  context.setAllowTF32CuBLAS(false);
  context.setAllowTF32CuDNN(false);
}

int64_t peak_memory_bytes(int device) {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
  return stats.allocated_bytes[0].peak;  // [0]: all pools together
}

void reset_peak_memory(int device) {
  c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(device));
}

constexpr CudaPart kPart{.version = kCudaPartVersion,
                         .torch_version = TORCH_VERSION,
                         .device_count = device_count,
                         .prepare_device = prepare_device,
                         .peak_memory_bytes = peak_memory_bytes,
                         .reset_peak_memory = reset_peak_memory,
                         .make_nccl_group = distributed::make_nccl_group};

}  // namespace
}  // namespace autonorm::kernels

extern "C" __attribute__((visibility("default"))) const autonorm::kernels::CudaPart* autonorm_cuda_part() {
  return &autonorm::kernels::kPart;
}
