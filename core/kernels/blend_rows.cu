// The blend of dyt and layer on CUDA (norm_rows_cuda.h).
#include "core/kernels/row_team.cuh"

namespace autonorm::kernels {
namespace {

// y = t · (w₀ weight) + h · (w₁ weight') + (w₀ bias + w₁ bias'), as the CPU has it.
template <class T>
__global__ void blend_forward(BlendForward a, int64_t first, int64_t last) {
  using Wide = typename WideOfData<T>::Type;
  const Team team;
  const Wide alpha = parameter<Wide>(a.alpha, 0, 1);
  for (int64_t row = first + team.worker; row < last; row += team.workers) {
    const T* x = row_of<T>(a.x, row, a.channels);
    T* y = row_of<T>(a.y, row, a.channels);
    const Wide* gate = static_cast<const Wide*>(a.gate) + 2 * (row / a.rows_per_sample);
    const Wide on_dyt = gate[0], on_layer = gate[1];
    Wide mean, rstd;
    moments(team, x, a.channels, a.eps, true, mean, rstd);
    if (team.thread == 0) {
      static_cast<Wide*>(a.mean)[row] = mean;
      static_cast<Wide*>(a.rstd)[row] = rstd;
    }
    for (int64_t c = team.thread; c < a.channels; c += team.size) {
      const Wide v = widen(x[c]), t = tanh_of(alpha * v), h = (v - mean) * rstd;
      const Wide constant = on_dyt * parameter<Wide>(a.dyt_bias, c, 0) + on_layer * parameter<Wide>(a.layer_bias, c, 0);
      put(y + c, h * (on_layer * parameter<Wide>(a.layer_weight, c, 1)) +
                     (t * (on_dyt * parameter<Wide>(a.dyt_weight, c, 1)) + constant));
    }
  }
}

// The two branches' formulas, with dy weighted by the gate (normalization.md 8.6).
template <class T>
__global__ void blend_backward(BlendBackward a, int64_t first, int64_t last, void* partials, bool in_shared) {
  using Wide = typename WideOfData<T>::Type;
  const Team team;
  const int64_t n = a.channels;
  const Sums<Wide> sums(team, in_shared, partials, 5 * n + 1);
  Wide *ddyt_weight = sums.get(), *ddyt_bias = ddyt_weight + n, *dlayer_weight = ddyt_bias + n,
       *dlayer_bias = dlayer_weight + n;
  const Wide alpha = parameter<Wide>(a.alpha, 0, 1);
  Wide dalpha = 0;
  for (int64_t row = first + team.worker; row < last; row += team.workers) {
    const T *from = row_of<T>(a.x, row, n), *dy = row_of<T>(a.dy, row, n);
    T* dx = row_of<T>(a.dx, row, n);
    const Wide* gate = static_cast<const Wide*>(a.gate) + 2 * (row / a.rows_per_sample);
    const Wide on_dyt = gate[0], on_layer = gate[1];
    const Wide mean = static_cast<const Wide*>(a.mean)[row], rstd = static_cast<const Wide*>(a.rstd)[row];
    Wide along_h = 0, along_one = 0, dgate_dyt = 0, dgate_layer = 0;
    for (int64_t c = team.thread; c < n; c += team.size) {
      const Wide x = widen(from[c]), up = widen(dy[c]), t = tanh_of(alpha * x), h = (x - mean) * rstd;
      const Wide dyt_weight = parameter<Wide>(a.dyt_weight, c, 1), layer_weight = parameter<Wide>(a.layer_weight, c, 1);
      const Wide to_layer = on_layer * up, to_dyt = on_dyt * up, u = to_layer * layer_weight;
      along_h += u * h;
      along_one += u;
      dgate_dyt += up * (t * dyt_weight + parameter<Wide>(a.dyt_bias, c, 0));
      dgate_layer += up * (h * layer_weight + parameter<Wide>(a.layer_bias, c, 0));
      ddyt_weight[c] += to_dyt * t;
      ddyt_bias[c] += to_dyt;
      dlayer_weight[c] += to_layer * h;
      dlayer_bias[c] += to_layer;
      dalpha += to_dyt * dyt_weight * (1 - t * t) * x;
    }
    const Wide on_h = team.sum(along_h) / static_cast<Wide>(n), on_one = team.sum(along_one) / static_cast<Wide>(n);
    dgate_dyt = team.sum(dgate_dyt);
    dgate_layer = team.sum(dgate_layer);
    if (team.thread == 0) {
      static_cast<Wide*>(a.row_gate)[2 * row] = dgate_dyt;
      static_cast<Wide*>(a.row_gate)[2 * row + 1] = dgate_layer;
    }
    for (int64_t c = team.thread; c < n; c += team.size) {
      const Wide x = widen(from[c]), up = widen(dy[c]), t = tanh_of(alpha * x), h = (x - mean) * rstd;
      const Wide u = on_layer * up * parameter<Wide>(a.layer_weight, c, 1);
      const Wide through_dyt = alpha * on_dyt * up * parameter<Wide>(a.dyt_weight, c, 1) * (1 - t * t);
      put(dx + c, rstd * (u - on_one - h * on_h) + through_dyt);
    }
  }
  dalpha = team.sum(dalpha);
  if (team.thread == 0) ddyt_weight[5 * n] = dalpha;
  sums.write();
}

}  // namespace

cudaError_t launch_forward(const BlendForward& a, int64_t first, int64_t last, cudaStream_t stream) {
  if (first == last) return cudaSuccess;
  const Grid grid = forward_grid_of(last - first, a.channels);
  return with_element(a.type, [&](auto zero) {
    blend_forward<decltype(zero)><<<grid.blocks, grid.threads, 0, stream>>>(a, first, last);
  });
}

cudaError_t launch_backward(const BlendBackward& a, int64_t first, int64_t last, void* partials, cudaStream_t stream) {
  const Grid grid = grid_of(last - first, a.channels);
  const size_t shared = shared_bytes(grid, a.type, 5 * a.channels + 1);
  return with_element(a.type, [&](auto zero) {
    blend_backward<decltype(zero)><<<grid.blocks, grid.threads, shared, stream>>>(a, first, last, partials, shared > 0);
  });
}

}  // namespace autonorm::kernels
