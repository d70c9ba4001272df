// layer and rms on CUDA (norm_rows_cuda.h).
#include "core/kernels/row_team.cuh"

namespace autonorm::kernels {
namespace {

template <class T>
__global__ void layer_forward(LayerForward a, int64_t first, int64_t last) {
  using Wide = typename WideOfData<T>::Type;
  const Team team;
  for (int64_t row = first + team.worker; row < last; row += team.workers) {
    const T* x = row_of<T>(a.x, row, a.channels);
    T* y = row_of<T>(a.y, row, a.channels);
    Wide mean, rstd;
    moments(team, x, a.channels, a.eps, a.centered, mean, rstd);
    if (team.thread == 0) {
      if (a.centered) static_cast<Wide*>(a.mean)[row] = mean;
      static_cast<Wide*>(a.rstd)[row] = rstd;
    }
    for (int64_t c = team.thread; c < a.channels; c += team.size) {
      const Wide h = (widen(x[c]) - mean) * rstd;
      put(y + c, h * parameter<Wide>(a.weight, c, 1) + parameter<Wide>(a.bias, c, 0));
    }
  }
}

// With u = weight ⊙ dy, h = (x − μ) · rstd:  dx = rstd · (u − h · mean(u ⊙ h) − mean(u)); rms has no last term.
template <class T>
__global__ void layer_backward(LayerBackward a, int64_t first, int64_t last, void* partials, bool in_shared) {
  using Wide = typename WideOfData<T>::Type;
  const Team team;
  const Sums<Wide> sums(team, in_shared, partials, 2 * a.channels);
  Wide *dweight = sums.get(), *dbias = dweight + a.channels;
  for (int64_t row = first + team.worker; row < last; row += team.workers) {
    const T *x = row_of<T>(a.x, row, a.channels), *dy = row_of<T>(a.dy, row, a.channels);
    T* dx = row_of<T>(a.dx, row, a.channels);
    const Wide mean = a.centered ? static_cast<const Wide*>(a.mean)[row] : Wide{0};
    const Wide rstd = static_cast<const Wide*>(a.rstd)[row];
    Wide along_h = 0, along_one = 0;
    for (int64_t c = team.thread; c < a.channels; c += team.size) {
      const Wide h = (widen(x[c]) - mean) * rstd, g = widen(dy[c]);
      dweight[c] += g * h;
      dbias[c] += g;
      const Wide u = g * parameter<Wide>(a.weight, c, 1);
      along_h += u * h;
      along_one += u;
    }
    const Wide on_h = team.sum(along_h) / static_cast<Wide>(a.channels);
    const Wide on_one = a.centered ? team.sum(along_one) / static_cast<Wide>(a.channels) : Wide{0};
    for (int64_t c = team.thread; c < a.channels; c += team.size) {
      const Wide h = (widen(x[c]) - mean) * rstd;
      const Wide u = widen(dy[c]) * parameter<Wide>(a.weight, c, 1);
      put(dx + c, rstd * (u - on_one - h * on_h));
    }
  }
  sums.write();
}

// One block for 32 sums; its rows of threads share the workers out and are added in order.
template <class Wide>
__global__ void sum_partials(const Wide* partials, int64_t workers, int64_t length, Wide* sums) {
  __shared__ Wide parts[8][32];
  const int64_t i = static_cast<int64_t>(blockIdx.x) * 32 + threadIdx.x;
  Wide own = 0;
  if (i < length) {
    for (int64_t worker = threadIdx.y; worker < workers; worker += 8) own += partials[worker * length + i];
  }
  parts[threadIdx.y][threadIdx.x] = own;
  __syncthreads();
  if (threadIdx.y != 0 || i >= length) return;
  Wide total = 0;
  for (int part = 0; part < 8; ++part) total += parts[part][threadIdx.x];
  sums[i] = total;
}

// A warp for each sample.
template <class Wide>
__global__ void sum_samples(const Wide* row_gate, int64_t rows_per_sample, int64_t samples, Wide* out) {
  const Team team;
  if (team.worker >= samples) return;
  const Wide* rows = row_gate + team.worker * rows_per_sample * 2;
  Wide first = 0, second = 0;
  for (int64_t row = team.thread; row < rows_per_sample; row += team.size) {
    first += rows[2 * row];
    second += rows[2 * row + 1];
  }
  first = team.sum(first);
  second = team.sum(second);
  if (team.thread != 0) return;
  out[2 * team.worker] = first;
  out[2 * team.worker + 1] = second;
}

}  // namespace

int64_t cuda_workers(int64_t rows, int64_t channels) {
  const Grid grid = grid_of(rows, channels);
  return static_cast<int64_t>(grid.blocks.x) * grid.threads.y;
}

cudaError_t launch_forward(const LayerForward& a, int64_t first, int64_t last, cudaStream_t stream) {
  if (first == last) return cudaSuccess;
  const Grid grid = forward_grid_of(last - first, a.channels);
  return with_element(a.type, [&](auto zero) {
    layer_forward<decltype(zero)><<<grid.blocks, grid.threads, 0, stream>>>(a, first, last);
  });
}

cudaError_t launch_backward(const LayerBackward& a, int64_t first, int64_t last, void* partials, cudaStream_t stream) {
  const Grid grid = grid_of(last - first, a.channels);
  const size_t shared = shared_bytes(grid, a.type, 2 * a.channels);
  return with_element(a.type, [&](auto zero) {
    layer_backward<decltype(zero)><<<grid.blocks, grid.threads, shared, stream>>>(a, first, last, partials, shared > 0);
  });
}

cudaError_t launch_sum(RowElement type, const void* partials, int64_t workers, int64_t length, void* sums,
                       cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((length + 31) / 32);
  return with_element(type, [&](auto zero) {
    using Wide = typename WideOfData<decltype(zero)>::Type;
    sum_partials<<<blocks, dim3(32, 8), 0, stream>>>(static_cast<const Wide*>(partials), workers, length,
                                                     static_cast<Wide*>(sums));
  });
}

cudaError_t launch_sum_samples(RowElement type, const void* row_gate, int64_t rows_per_sample, int64_t samples,
                               void* out, cudaStream_t stream) {
  if (samples == 0) return cudaSuccess;
  const auto blocks = static_cast<unsigned>((samples + 7) / 8);
  return with_element(type, [&](auto zero) {
    using Wide = typename WideOfData<decltype(zero)>::Type;
    sum_samples<<<blocks, dim3(32, 8), 0, stream>>>(static_cast<const Wide*>(row_gate), rows_per_sample, samples,
                                                    static_cast<Wide*>(out));
  });
}

}  // namespace autonorm::kernels
