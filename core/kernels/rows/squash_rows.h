// dyt and derf, row by row (row_kernels.h). Included by the units of the instruction sets only.
#pragma once
#include "core/kernels/rows/layer_rows.h"
#include "core/kernels/rows/squash.h"

namespace autonorm::kernels {
namespace {

constexpr int kTogether = 4;

template <class E, class F>
void wide_forward_rows(const SquashForward& a, int64_t first, int64_t last) {
  using Wide = typename E::Wide;
  const int64_t n = a.channels;
  const auto* weight = static_cast<const Wide*>(a.weight);
  const auto* bias = static_cast<const Wide*>(a.bias);
  const auto alpha = broadcast(*static_cast<const Wide*>(a.alpha));
  const auto shift = broadcast(a.shift == nullptr ? Wide{0} : *static_cast<const Wide*>(a.shift));
  for (int64_t row = first; row < last; ++row) {
    const auto* x = static_cast<const typename E::Storage*>(a.x) + row * n;
    auto* y = static_cast<typename E::Storage*>(a.y) + row * n;
    each_group<E::kLanes, kTogether>(n, [&](int64_t at, auto lanes, auto together) {
      constexpr int kVectors = decltype(together)::kVectors;
      typename E::Vector f[kVectors];
      for (int j = 0; j < kVectors; ++j) f[j] = fma(alpha, E::load(x + at + j * E::kLanes, lanes), shift);
      F::apply(f);
      for (int j = 0; j < kVectors; ++j) {
        const int64_t i = at + j * E::kLanes;
        put<E>(y + i, affine<E>(f[j], weight, bias, i, lanes), lanes, a.stream);
      }
    });
  }
  finish_streaming(a.stream);
}

// With z = alpha · x + shift, g = weight ⊙ dy ⊙ f'(z):  dx = alpha · g, dalpha = Σ g ⊙ x, dshift = Σ g.
template <class E, class F>
void wide_backward_rows(const SquashBackward& a, int64_t first, int64_t last, void* sums) {
  using Wide = typename E::Wide;
  using Vector = typename E::Vector;
  using W = WideElement<E>;
  const int64_t n = a.channels;
  const auto* weight = static_cast<const Wide*>(a.weight);
  const auto alpha = broadcast(*static_cast<const Wide*>(a.alpha));
  const auto shift = broadcast(a.shift == nullptr ? Wide{0} : *static_cast<const Wide*>(a.shift));
  auto* dweight = static_cast<Wide*>(sums);
  auto* dbias = dweight + n;
  Vector dalpha{}, dshift{};
  for (int64_t row = first; row < last; ++row) {
    const auto* from = static_cast<const typename E::Storage*>(a.x) + row * n;
    const auto* dy = static_cast<const typename E::Storage*>(a.dy) + row * n;
    auto* dx = static_cast<typename E::Storage*>(a.dx) + row * n;
    each_group<E::kLanes, kTogether>(n, [&](int64_t at, auto lanes, auto together) {
      constexpr int kVectors = decltype(together)::kVectors;
      Vector f[kVectors];
      for (int j = 0; j < kVectors; ++j) f[j] = fma(alpha, E::load(from + at + j * E::kLanes, lanes), shift);
      F::apply(f);
      for (int j = 0; j < kVectors; ++j) {
        const int64_t i = at + j * E::kLanes;
        const Vector x = E::load(from + i, lanes);
        const Vector up = E::load(dy + i, lanes);  // 0 in unused lanes
        W::store(dweight + i, fma(up, f[j], W::load(dweight + i, lanes)), lanes);
        W::store(dbias + i, W::load(dbias + i, lanes) + up, lanes);
        const Vector g = affine<E>(up, weight, nullptr, i, lanes) * F::slope(fma(alpha, x, shift), f[j]);
        dalpha = fma(g, x, dalpha);
        dshift = dshift + g;
        put<E>(dx + i, alpha * g, lanes, a.stream);
      }
    });
  }
  auto* scalars = dbias + n;
  scalars[0] += add_lanes(dalpha);
  scalars[1] += add_lanes(dshift);
  finish_streaming(a.stream);
}

// Rows shorter than this are computed several at a time, as one long row whose parameters repeat: an element does not
// know its neighbours.
constexpr int64_t kNarrow = 32;
constexpr int64_t kLong = 512;

// A parameter [n] again and again, kLong / n times; null stays null.
template <class Wide>
struct Repeated {
  Repeated(const void* from, int64_t n) : null(from == nullptr) {
    if (null) return;
    for (int64_t at = 0; at + n <= kLong; at += n) {
      for (int64_t i = 0; i < n; ++i) values[at + i] = static_cast<const Wide*>(from)[i];
    }
  }
  const void* get() const { return null ? nullptr : values; }
  bool null;
  Wide values[kLong];
};

// Calls run(arguments, number of rows taken together, rows to compute, first row) for [first, last).
template <class Run>
inline void each_bundle(int64_t n, int64_t first, int64_t last, Run run) {
  const int64_t together = kLong / n, whole = (last - first) / together;
  if (whole > 0) run(together, whole, first);
  const int64_t left = last - first - whole * together;
  if (left > 0) run(left, int64_t{1}, first + whole * together);
}

template <class E, class F>
void squash_forward_rows(const SquashForward& a, int64_t first, int64_t last) {
  const int64_t n = a.channels;
  if (n >= kNarrow) return wide_forward_rows<E, F>(a, first, last);
  const Repeated<typename E::Wide> weight(a.weight, n), bias(a.bias, n);
  each_bundle(n, first, last, [&](int64_t together, int64_t rows, int64_t start) {
    SquashForward b = a;
    b.stream = false;
    b.channels = n * together;
    b.weight = weight.get();
    b.bias = bias.get();
    b.x = static_cast<const typename E::Storage*>(a.x) + start * n;
    b.y = static_cast<typename E::Storage*>(a.y) + start * n;
    wide_forward_rows<E, F>(b, 0, rows);
  });
}

template <class E, class F>
void squash_backward_rows(const SquashBackward& a, int64_t first, int64_t last, void* sums) {
  using Wide = typename E::Wide;
  const int64_t n = a.channels;
  if (n >= kNarrow) return wide_backward_rows<E, F>(a, first, last, sums);
  const Repeated<Wide> weight(a.weight, n);
  auto* total = static_cast<Wide*>(sums);
  each_bundle(n, first, last, [&](int64_t together, int64_t rows, int64_t start) {
    Wide own[2 * kLong + 2];
    const int64_t length = n * together;
    for (int64_t i = 0; i < 2 * length + 2; ++i) own[i] = 0;
    SquashBackward b = a;
    b.stream = false;
    b.channels = length;
    b.weight = weight.get();
    b.x = static_cast<const typename E::Storage*>(a.x) + start * n;
    b.dy = static_cast<const typename E::Storage*>(a.dy) + start * n;
    b.dx = static_cast<typename E::Storage*>(a.dx) + start * n;
    wide_backward_rows<E, F>(b, 0, rows, own);
    for (int64_t i = 0; i < length; ++i) {
      total[i % n] += own[i];
      total[n + i % n] += own[length + i];
    }
    total[2 * n] += own[2 * length];
    total[2 * n + 1] += own[2 * length + 1];
  });
}

}  // namespace
}  // namespace autonorm::kernels
