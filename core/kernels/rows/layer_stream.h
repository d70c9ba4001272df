// layer and rms over tensors that come from memory and go past the caches: one loop over several rows, each in another
// stage, so that memory is asked and written all the time and not only in some of the stages. Every row is computed as
// in layer_stages.h, to the bit. What that gains: tests/bench/README.md.
#pragma once
#include "core/kernels/rows/layer_stages.h"

namespace autonorm::kernels {
namespace {

// Row by row: Σ (x − first) of the second next row, Σ (x − μ)² of the next, y of this one.
template <class E, bool kCentered>
void stream_layer_forward(const LayerForward& a, int64_t first, int64_t last) {
  using Wide = typename E::Wide;
  using Vector = typename E::Vector;
  constexpr int64_t kStages = 3;
  const int64_t n = a.channels;
  const auto* x = static_cast<const typename E::Storage*>(a.x);
  int64_t row = first;
  if (last - first >= kStages) {
    const auto found = moments<E, kCentered, 1>(x + first * n, n, a.eps);
    Wide mean = found.mean[0], rstd = found.rstd[0];
    Wide next[1] = {};
    if (kCentered) row_means<E, 1>(x + (first + 1) * n, n, next);
    for (; row + kStages <= last; ++row) {
      const auto *after = x + (row + 2) * n, *following = x + (row + 1) * n;
      const Wide from = kCentered ? E::load(after, Part{1})[0] : Wide{0};
      Vector sum[2] = {}, squares[2] = {};
      keep_moments<E, kCentered>(a, row, mean, rstd);
      each_in_turns<E::kLanes>(n, [&](int64_t i, auto lanes, int turn) {
        fetch_ahead(after + kElementsAhead<E> + i);
        if (kCentered) sum[turn] = sum[turn] + keep(E::load(after + i, lanes) - from, lanes);
        const Vector d = keep(E::load(following + i, lanes) - next[0], lanes);
        squares[turn] = fma(d, d, squares[turn]);
        put_normalized<E>(a, row, mean, rstd, i, lanes);
      });
      mean = next[0];
      rstd = inverse_deviation(add_lanes(squares[0] + squares[1]), n, a.eps);
      if (kCentered) next[0] = from + add_lanes(sum[0] + sum[1]) / static_cast<Wide>(n);
    }
  }
  for (; row < last; ++row) layer_forward_group<E, kCentered, 1>(a, row);
  finish_streaming(true);
}

// Row by row: the sums of the next row, dx of this one.
template <class E, bool kCentered>
void stream_layer_backward(const LayerBackward& a, int64_t first, int64_t last, void* all) {
  if (first == last) return;
  const int64_t n = a.channels;
  const auto* weight = static_cast<const typename E::Wide*>(a.weight);
  BackwardRow<E> next[1] = {BackwardRow<E>::template of<kCentered>(a, first)};
  RowGradient<E> sums[1];
  each_vector<E::kLanes>(
      n, [&](int64_t i, auto lanes) { add_gradients<E, kCentered, 1>(next, weight, n, all, i, lanes, sums); });
  for (int64_t row = first; row + 1 < last; ++row) {
    const BackwardRow<E> now = next[0];
    const auto means = sums[0].means(n);
    next[0] = BackwardRow<E>::template of<kCentered>(a, row + 1);
    sums[0] = {};
    each_vector<E::kLanes>(n, [&](int64_t i, auto lanes) {
      fetch_ahead(next[0].x + kElementsAhead<E> + i);
      fetch_ahead(next[0].dy + kElementsAhead<E> + i);
      add_gradients<E, kCentered, 1>(next, weight, n, all, i, lanes, sums);
      put_gradient<E, kCentered>(now, weight, i, lanes, means, /*stream=*/true);
    });
  }
  const auto means = sums[0].means(n);
  each_vector<E::kLanes>(
      n, [&](int64_t i, auto lanes) { put_gradient<E, kCentered>(next[0], weight, i, lanes, means, /*stream=*/true); });
  finish_streaming(true);
}

}  // namespace
}  // namespace autonorm::kernels
