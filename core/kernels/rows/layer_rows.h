// layer and rms, row by row (row_kernels.h). Included by the units of the instruction sets only.
#pragma once
#include "core/kernels/rows/layer_stream.h"

namespace autonorm::kernels {
namespace {

// Rows of a backward pass in a cache that are worked on together.
constexpr int kPair = 2;

// Rows of a single channel, side by side in a vector: the formulas of moments() without sums.
template <class E, bool kCentered>
[[gnu::noinline]] void single_forward_rows(const LayerForward& a, int64_t first, int64_t last) {
  using Wide = typename E::Wide;
  using Vector = typename E::Vector;
  using W = WideElement<E>;
  const auto* weight = static_cast<const Wide*>(a.weight);
  const auto* bias = static_cast<const Wide*>(a.bias);
  const auto* x = static_cast<const typename E::Storage*>(a.x) + first;
  auto* y = static_cast<typename E::Storage*>(a.y) + first;
  auto* mean = static_cast<Wide*>(a.mean);
  auto* rstd = static_cast<Wide*>(a.rstd);
  const Vector eps = broadcast(static_cast<Wide>(a.eps));
  const Vector scale = broadcast(weight == nullptr ? Wide{1} : *weight);
  const Vector shift = broadcast(bias == nullptr ? Wide{0} : *bias);
  each_vector<E::kLanes>(last - first, [&](int64_t i, auto lanes) {
    const Vector v = E::load(x + i, lanes);
    const Vector d = kCentered ? v - v : v;
    const Vector r = 1 / square_root(fma(d, d, Vector{}) + eps);
    if (kCentered) W::store(mean + first + i, v, lanes);
    W::store(rstd + first + i, r, lanes);
    E::store(y + i, fma(d * r, scale, shift), lanes);
  });
}

template <class E, bool kCentered>
[[gnu::noinline]] void single_backward_rows(const LayerBackward& a, int64_t first, int64_t last, void* sums) {
  using Wide = typename E::Wide;
  using Vector = typename E::Vector;
  using W = WideElement<E>;
  const auto* weight = static_cast<const Wide*>(a.weight);
  const auto* x = static_cast<const typename E::Storage*>(a.x) + first;
  const auto* dy = static_cast<const typename E::Storage*>(a.dy) + first;
  auto* dx = static_cast<typename E::Storage*>(a.dx) + first;
  const auto* rstd = static_cast<const Wide*>(a.rstd) + first;
  const Vector scale = broadcast(weight == nullptr ? Wide{1} : *weight);
  Vector dweight{}, dbias{};
  each_vector<E::kLanes>(last - first, [&](int64_t i, auto lanes) {
    const Vector v = E::load(x + i, lanes), r = W::load(rstd + i, lanes), g = E::load(dy + i, lanes);
    const Vector h = keep((kCentered ? v - v : v) * r, lanes), u = g * scale;
    dweight = fma(g, h, dweight);
    dbias = dbias + g;
    E::store(dx + i, r * fma(h, -(u * h), kCentered ? u - u : u), lanes);
  });
  static_cast<Wide*>(sums)[0] += add_lanes(dweight);
  if (kCentered) static_cast<Wide*>(sums)[1] += add_lanes(dbias);
}

template <class E, bool kCentered>
void layer_forward_rows(const LayerForward& a, int64_t first, int64_t last) {
  const int64_t n = a.channels;
  if (n == 1) return single_forward_rows<E, kCentered>(a, first, last);
  if (a.stream) return stream_layer_forward<E, kCentered>(a, first, last);
  each_row<E>(n, first, last, /*from_memory=*/false, [&](int64_t start, auto together) {
    layer_forward_group<E, kCentered, decltype(together)::kVectors>(a, start);
  });
}

template <class E, bool kCentered>
void layer_backward_rows(const LayerBackward& a, int64_t first, int64_t last, void* sums) {
  if (a.channels == 1) return single_backward_rows<E, kCentered>(a, first, last, sums);
  if (a.stream) return stream_layer_backward<E, kCentered>(a, first, last, sums);
  int64_t row = first;
  for (; row + kPair <= last; row += kPair) layer_backward_group<E, kCentered, kPair>(a, row, sums);
  if (row < last) layer_backward_group<E, kCentered, 1>(a, row, sums);
}

}  // namespace
}  // namespace autonorm::kernels
