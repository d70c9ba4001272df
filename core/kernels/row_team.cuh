// What the row kernels have in common: element types, and teams of threads that work on one row together.
//
// A block is blockDim.y teams of blockDim.x threads: eight teams of a warp for rows of up to 512 channels, else one
// team of 256 threads. Team w of the grid works on the rows w, w + workers, w + 2·workers, …; thread t of it on the
// channels t, t + blockDim.x, …, so that a channel's sums belong to one thread.
#pragma once
#include <cuda_bf16.h>

#include <algorithm>
#include <cstdint>

#include "core/kernels/norm_rows_cuda.h"

namespace autonorm::kernels {

template <class T>
struct WideOfData {
  using Type = float;
};
template <>
struct WideOfData<double> {
  using Type = double;
};

__device__ inline float widen(float v) { return v; }
__device__ inline double widen(double v) { return v; }
__device__ inline float widen(__nv_bfloat16 v) { return __bfloat162float(v); }
__device__ inline void put(float* to, float v) { *to = v; }
__device__ inline void put(double* to, double v) { *to = v; }
__device__ inline void put(__nv_bfloat16* to, float v) { *to = __float2bfloat16_rn(v); }

__device__ inline float tanh_of(float v) { return tanhf(v); }
__device__ inline double tanh_of(double v) { return tanh(v); }
__device__ inline float erf_of(float v) { return erff(v); }
__device__ inline double erf_of(double v) { return erf(v); }
__device__ inline float exp_of(float v) { return expf(v); }
__device__ inline double exp_of(double v) { return exp(v); }
__device__ inline float root_of(float v) { return sqrtf(v); }
__device__ inline double root_of(double v) { return sqrt(v); }

struct Team {
  int64_t worker, workers;
  int thread, size;
  __device__ Team()
      : worker(static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y),
        workers(static_cast<int64_t>(gridDim.x) * blockDim.y),
        thread(static_cast<int>(threadIdx.x)),
        size(static_cast<int>(blockDim.x)) {}

  // The sum over the team's threads, for all of them. Called by all threads of a block alike where a team is a block.
  template <class Wide>
  __device__ Wide sum(Wide value) const {
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffU, value, offset);
    if (size == 32) return value;
    __shared__ Wide warps[8];
    __syncthreads();  // earlier readers are done
    if (thread % 32 == 0) warps[thread / 32] = value;
    __syncthreads();
    value = 0;
    for (int warp = 0; warp < size / 32; ++warp) value += warps[warp];
    return value;
  }
};

// A team's sums over its rows: in shared memory where they fit, else where they end up.
template <class Wide>
class Sums {
 public:
  __device__ Sums(const Team& team, bool in_shared, void* partials, int64_t length)
      : team_(team), out_(static_cast<Wide*>(partials) + team.worker * length), own_(out_), length_(length) {
    extern __shared__ unsigned char shared_sums[];
    if (in_shared) own_ = reinterpret_cast<Wide*>(shared_sums) + threadIdx.y * length;
    for (int64_t i = team.thread; i < length; i += team.size) own_[i] = 0;
    sync();
  }
  __device__ Wide* get() const { return own_; }
  __device__ void write() const {
    sync();
    if (own_ == out_) return;
    for (int64_t i = team_.thread; i < length_; i += team_.size) out_[i] = own_[i];
  }

 private:
  __device__ void sync() const { team_.size == 32 ? __syncwarp() : __syncthreads(); }
  const Team& team_;
  Wide *out_, *own_;
  int64_t length_;
};

constexpr int kTeamOfAWarp = 512;  // channels

struct Grid {
  dim3 blocks, threads;
};
inline Grid grid_of(int64_t rows, int64_t channels) {
  constexpr int64_t kMostBlocks = 528;  // four for each of the 132 multiprocessors of an H100 or H200
  const bool warps = channels <= kTeamOfAWarp;
  const int64_t teams = warps ? 8 : 1;
  const int64_t blocks = std::clamp<int64_t>((rows + teams - 1) / teams, 1, kMostBlocks);
  return {dim3(static_cast<unsigned>(blocks)), warps ? dim3(32, 8) : dim3(256, 1)};
}
// Bytes of shared memory for the sums of a block's teams; 0 where they do not fit.
inline size_t shared_bytes(const Grid& grid, RowElement type, int64_t length) {
  constexpr size_t kMost = 48 << 10;
  const size_t bytes = grid.threads.y * static_cast<size_t>(length) * (type == RowElement::kFloat64 ? 8 : 4);
  return bytes <= kMost ? bytes : 0;
}
// Forward passes keep no sums, so more teams cost nothing.
inline Grid forward_grid_of(int64_t rows, int64_t channels) {
  constexpr int64_t kMostBlocks = int64_t{1} << 20;
  Grid grid = grid_of(rows, channels);
  const int64_t teams = grid.threads.y;
  grid.blocks.x = static_cast<unsigned>(std::clamp<int64_t>((rows + teams - 1) / teams, 1, kMostBlocks));
  return grid;
}

// Calls body with an element type's zero.
template <class Body>
cudaError_t with_element(RowElement type, Body body) {
  switch (type) {
    case RowElement::kFloat32:
      body(float{});
      break;
    case RowElement::kBFloat16:
      body(__nv_bfloat16{});
      break;
    case RowElement::kFloat64:
      body(double{});
      break;
  }
  return cudaGetLastError();
}

// A row of a [rows, C] array.
template <class T>
__device__ const T* row_of(const void* all, int64_t row, int64_t channels) {
  return static_cast<const T*>(all) + row * channels;
}
template <class T>
__device__ T* row_of(void* all, int64_t row, int64_t channels) {
  return static_cast<T*>(all) + row * channels;
}
template <class Wide>
__device__ Wide parameter(const void* values, int64_t channel, Wide otherwise) {
  return values == nullptr ? otherwise : static_cast<const Wide*>(values)[channel];
}

// Mean and 1 / √(variance + eps) of a row. The mean is taken from the first element on, so that constant rows are
// exact.
template <class T, class Wide>
__device__ void moments(const Team& team, const T* x, int64_t channels, double eps, bool centered, Wide& mean,
                        Wide& rstd) {
  mean = 0;
  if (centered) {
    const Wide first = widen(x[0]);
    Wide sum = 0;
    for (int64_t c = team.thread; c < channels; c += team.size) sum += widen(x[c]) - first;
    mean = first + team.sum(sum) / static_cast<Wide>(channels);
  }
  Wide squares = 0;
  for (int64_t c = team.thread; c < channels; c += team.size) {
    const Wide d = widen(x[c]) - mean;
    squares += d * d;
  }
  rstd = 1 / root_of(team.sum(squares) / static_cast<Wide>(channels) + static_cast<Wide>(eps));
}

}  // namespace autonorm::kernels
