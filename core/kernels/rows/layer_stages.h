// What layer and rms do with one vector of a row, stage by stage, and with rows that lie in a cache.
//   forward:   Σ (x − first), Σ (x − μ)², y = (x − μ) · rstd ⊙ weight + bias
//   backward:  with u = weight ⊙ dy, h = (x − μ) · rstd:  Σ u ⊙ h, Σ u and the parameters' gradients;
//              dx = rstd · (u − h · mean(u ⊙ h) − mean(u)); rms has no last term
#pragma once
#include "core/kernels/rows/row_moments.h"

namespace autonorm::kernels {
namespace {

// ---- forward ----
template <class E, bool kCentered>
inline void keep_moments(const LayerForward& a, int64_t row, typename E::Wide mean, typename E::Wide rstd) {
  using Wide = typename E::Wide;
  if (kCentered) static_cast<Wide*>(a.mean)[row] = mean;
  static_cast<Wide*>(a.rstd)[row] = rstd;
}

template <class E, class Lanes>
inline void put_normalized(const LayerForward& a, int64_t row, typename E::Wide mean, typename E::Wide rstd, int64_t i,
                           Lanes lanes) {
  using Wide = typename E::Wide;
  const int64_t at = row * a.channels + i;
  const auto h = (E::load(static_cast<const typename E::Storage*>(a.x) + at, lanes) - mean) * rstd;
  const auto y = affine<E>(h, static_cast<const Wide*>(a.weight), static_cast<const Wide*>(a.bias), i, lanes);
  put<E>(static_cast<typename E::Storage*>(a.y) + at, y, lanes, a.stream);
}

// kRows rows from `start` on.
template <class E, bool kCentered, int kRows>
inline void layer_forward_group(const LayerForward& a, int64_t start) {
  const auto* group = static_cast<const typename E::Storage*>(a.x) + start * a.channels;
  const auto found = moments<E, kCentered, kRows>(group, a.channels, a.eps);
  for (int k = 0; k < kRows; ++k) {
    keep_moments<E, kCentered>(a, start + k, found.mean[k], found.rstd[k]);
    each_vector<E::kLanes>(a.channels, [&](int64_t i, auto lanes) {
      put_normalized<E>(a, start + k, found.mean[k], found.rstd[k], i, lanes);
    });
  }
}

// ---- backward ----
template <class E>
struct BackwardRow {
  using Wide = typename E::Wide;
  using Vector = typename E::Vector;
  const typename E::Storage *x, *dy;
  typename E::Storage* dx;
  Wide mean, rstd;

  template <bool kCentered>
  static BackwardRow of(const LayerBackward& a, int64_t row) {
    const int64_t at = row * a.channels;
    return {static_cast<const typename E::Storage*>(a.x) + at, static_cast<const typename E::Storage*>(a.dy) + at,
            static_cast<typename E::Storage*>(a.dx) + at, kCentered ? static_cast<const Wide*>(a.mean)[row] : Wide{0},
            static_cast<const Wide*>(a.rstd)[row]};
  }
  template <class Lanes>
  Vector normalized(int64_t i, Lanes lanes) const {
    return (E::load(x + i, lanes) - mean) * rstd;
  }
};

// Running sums of a row: of u ⊙ h and of u; at the end their means.
template <class E>
struct RowGradient {
  typename E::Vector along_h{}, along_one{};
  struct Means {
    typename E::Wide on_h, on_one;
  };
  Means means(int64_t n) const {
    using Wide = typename E::Wide;
    return {add_lanes(along_h) / static_cast<Wide>(n), add_lanes(along_one) / static_cast<Wide>(n)};
  }
};

// Adds a vector of a row to its running sums and to those of the parameters.
template <class E, bool kCentered, class Lanes>
inline void add_gradient(const BackwardRow<E>& row, const typename E::Wide* weight, int64_t i, Lanes lanes,
                         RowGradient<E>& sums, typename E::Vector& dweight, typename E::Vector& dbias) {
  const auto h = row.normalized(i, lanes);
  const auto g = E::load(row.dy + i, lanes);  // 0 in unused lanes
  dweight = fma(g, h, dweight);
  if (kCentered) dbias = dbias + g;
  const auto u = affine<E>(g, weight, nullptr, i, lanes);
  sums.along_h = fma(u, keep(h, lanes), sums.along_h);
  if (kCentered) sums.along_one = sums.along_one + u;
}

template <class E, bool kCentered, class Lanes>
inline void put_gradient(const BackwardRow<E>& row, const typename E::Wide* weight, int64_t i, Lanes lanes,
                         const typename RowGradient<E>::Means& means, bool stream) {
  const auto h = row.normalized(i, lanes);
  auto u = affine<E>(E::load(row.dy + i, lanes), weight, nullptr, i, lanes);
  if (kCentered) u = u - means.on_one;
  put<E>(row.dx + i, row.rstd * fma(h, broadcast(-means.on_h), u), lanes, stream);
}

// Rows whose first stage is next: the sums of the parameters' gradients are read and written once for all of them.
template <class E, bool kCentered, int kRows, class Lanes>
inline void add_gradients(const BackwardRow<E> (&rows)[kRows], const typename E::Wide* weight, int64_t n, void* all,
                          int64_t i, Lanes lanes, RowGradient<E> (&sums)[kRows]) {
  using W = WideElement<E>;
  auto* dweight = static_cast<typename E::Wide*>(all) + i;
  auto* dbias = dweight + n;
  auto weights = W::load(dweight, lanes);
  typename E::Vector biases{};
  if (kCentered) biases = W::load(dbias, lanes);
  for (int k = 0; k < kRows; ++k) add_gradient<E, kCentered>(rows[k], weight, i, lanes, sums[k], weights, biases);
  W::store(dweight, weights, lanes);
  if (kCentered) W::store(dbias, biases, lanes);
}

// kRows rows from `start` on.
template <class E, bool kCentered, int kRows>
inline void layer_backward_group(const LayerBackward& a, int64_t start, void* all) {
  const int64_t n = a.channels;
  const auto* weight = static_cast<const typename E::Wide*>(a.weight);
  BackwardRow<E> rows[kRows];
  RowGradient<E> sums[kRows];
  for (int k = 0; k < kRows; ++k) rows[k] = BackwardRow<E>::template of<kCentered>(a, start + k);
  each_vector<E::kLanes>(
      n, [&](int64_t i, auto lanes) { add_gradients<E, kCentered, kRows>(rows, weight, n, all, i, lanes, sums); });
  for (int k = 0; k < kRows; ++k) {
    const auto means = sums[k].means(n);
    each_vector<E::kLanes>(n, [&](int64_t i, auto lanes) {
      put_gradient<E, kCentered>(rows[k], weight, i, lanes, means, /*stream=*/false);
    });
  }
}

}  // namespace
}  // namespace autonorm::kernels
