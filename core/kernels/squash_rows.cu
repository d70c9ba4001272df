// dyt and derf on CUDA (norm_rows_cuda.h).
#include "core/kernels/row_team.cuh"

namespace autonorm::kernels {
namespace {

template <class Wide>
__device__ Wide squashed(Squash squash, Wide z) {
  return squash == Squash::kTanh ? tanh_of(z) : erf_of(z);
}
// The slope at z, where the value is f.
template <class Wide>
__device__ Wide slope(Squash squash, Wide z, Wide f) {
  constexpr double kTwoOverRootPi = 1.1283791670955126;
  return squash == Squash::kTanh ? 1 - f * f : static_cast<Wide>(kTwoOverRootPi) * exp_of(-z * z);
}

template <class T>
__global__ void squash_forward(SquashForward a, int64_t first, int64_t last) {
  using Wide = typename WideOfData<T>::Type;
  const Team team;
  const Wide alpha = parameter<Wide>(a.alpha, 0, 1), shift = parameter<Wide>(a.shift, 0, 0);
  for (int64_t row = first + team.worker; row < last; row += team.workers) {
    const T* x = row_of<T>(a.x, row, a.channels);
    T* y = row_of<T>(a.y, row, a.channels);
    for (int64_t c = team.thread; c < a.channels; c += team.size) {
      const Wide f = squashed(a.squash, alpha * widen(x[c]) + shift);
      put(y + c, f * parameter<Wide>(a.weight, c, 1) + parameter<Wide>(a.bias, c, 0));
    }
  }
}

// With z = alpha · x + shift, g = weight ⊙ dy ⊙ f'(z):  dx = alpha · g, dalpha = Σ g ⊙ x, dshift = Σ g.
template <class T>
__global__ void squash_backward(SquashBackward a, int64_t first, int64_t last, void* partials, bool in_shared) {
  using Wide = typename WideOfData<T>::Type;
  const Team team;
  const Sums<Wide> sums(team, in_shared, partials, 2 * a.channels + 2);
  Wide *dweight = sums.get(), *dbias = dweight + a.channels;
  const Wide alpha = parameter<Wide>(a.alpha, 0, 1), shift = parameter<Wide>(a.shift, 0, 0);
  Wide dalpha = 0, dshift = 0;
  for (int64_t row = first + team.worker; row < last; row += team.workers) {
    const T *from = row_of<T>(a.x, row, a.channels), *dy = row_of<T>(a.dy, row, a.channels);
    T* dx = row_of<T>(a.dx, row, a.channels);
    for (int64_t c = team.thread; c < a.channels; c += team.size) {
      const Wide x = widen(from[c]), up = widen(dy[c]), z = alpha * x + shift, f = squashed(a.squash, z);
      dweight[c] += up * f;
      dbias[c] += up;
      const Wide g = up * parameter<Wide>(a.weight, c, 1) * slope(a.squash, z, f);
      dalpha += g * x;
      dshift += g;
      put(dx + c, alpha * g);
    }
  }
  dalpha = team.sum(dalpha);
  dshift = team.sum(dshift);
  if (team.thread == 0) {
    dweight[2 * a.channels] = dalpha;
    dweight[2 * a.channels + 1] = dshift;
  }
  sums.write();
}

}  // namespace

cudaError_t launch_forward(const SquashForward& a, int64_t first, int64_t last, cudaStream_t stream) {
  if (first == last) return cudaSuccess;
  const Grid grid = forward_grid_of(last - first, a.channels);
  return with_element(a.type, [&](auto zero) {
    squash_forward<decltype(zero)><<<grid.blocks, grid.threads, 0, stream>>>(a, first, last);
  });
}

cudaError_t launch_backward(const SquashBackward& a, int64_t first, int64_t last, void* partials, cudaStream_t stream) {
  const Grid grid = grid_of(last - first, a.channels);
  const size_t shared = shared_bytes(grid, a.type, 2 * a.channels + 2);
  return with_element(a.type, [&](auto zero) {
    squash_backward<decltype(zero)>
        <<<grid.blocks, grid.threads, shared, stream>>>(a, first, last, partials, shared > 0);
  });
}

}  // namespace autonorm::kernels
