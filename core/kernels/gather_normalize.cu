// One block row per image of the batch: the index is read once per block, neighbouring threads touch neighbouring
// pixels. Four pixels per thread where rows are multiples of four (28 × 28, 8 × 8, 32 × 32 are): one 4-byte load, one
// 16-byte store.
#include <cuda_bf16.h>

#include "core/kernels/gather_normalize_cuda.h"

namespace autonorm::kernels {
namespace {

constexpr int kThreads = 256;

__device__ float normalized(uint8_t pixel, float scale) {
  // Intrinsics with fixed rounding: nothing is contracted, so the result equals the CPU's bit for bit.
  return __fdiv_rn(__fsub_rn(__fdiv_rn(static_cast<float>(pixel), scale), 0.5F), 0.5F);
}

__device__ void store(float* out, float value) { *out = value; }
__device__ void store(__nv_bfloat16* out, float value) { *out = __float2bfloat16_rn(value); }

template <class Element>
__global__ void gather(const uint8_t* images, const int64_t* indices, int64_t count, int64_t pixels, float scale,
                       Element* out) {
  const int64_t source = indices[blockIdx.x];
  if (source < 0 || source >= count) __trap();
  const uint8_t* image = images + source * pixels;
  Element* target = out + static_cast<int64_t>(blockIdx.x) * pixels;
  for (int64_t p = threadIdx.x; p < pixels; p += kThreads) store(target + p, normalized(image[p], scale));
}

__global__ void gather_by_four(const uint8_t* images, const int64_t* indices, int64_t count, int64_t pixels,
                               float scale, float* out) {
  const int64_t source = indices[blockIdx.x];
  if (source < 0 || source >= count) __trap();
  const auto* image = reinterpret_cast<const uchar4*>(images + source * pixels);
  auto* target = reinterpret_cast<float4*>(out + static_cast<int64_t>(blockIdx.x) * pixels);
  for (int64_t p = threadIdx.x; p < pixels / 4; p += kThreads) {
    const uchar4 four = image[p];
    target[p] = make_float4(normalized(four.x, scale), normalized(four.y, scale), normalized(four.z, scale),
                            normalized(four.w, scale));
  }
}

}  // namespace

cudaError_t launch_gather_normalize(const GatherArguments& a, cudaStream_t stream) {
  if (a.batch == 0 || a.pixels == 0) return cudaSuccess;
  const auto grid = static_cast<unsigned>(a.batch);
  if (a.type == GatherOutput::kBFloat16) {
    gather<<<grid, kThreads, 0, stream>>>(a.images, a.indices, a.count, a.pixels, a.scale,
                                          static_cast<__nv_bfloat16*>(a.out));
  } else if (a.pixels % 4 == 0) {
    gather_by_four<<<grid, kThreads, 0, stream>>>(a.images, a.indices, a.count, a.pixels, a.scale,
                                                  static_cast<float*>(a.out));
  } else {
    gather<<<grid, kThreads, 0, stream>>>(a.images, a.indices, a.count, a.pixels, a.scale, static_cast<float*>(a.out));
  }
  return cudaGetLastError();
}

}  // namespace autonorm::kernels
