// The blend of dyt and layer, row by row (row_kernels.h). Included by the units of the instruction sets only.
#pragma once
#include "core/kernels/rows/squash_rows.h"

namespace autonorm::kernels {
namespace {

// y = t · by_dyt + h · by_layer + constant, channel by channel: gate and parameters of one sample multiplied out. With
// a gate of (0, 1) or (1, 0) that is one of the branches, bit for bit.
template <class E>
struct BlendFactors {
  using Vector = typename E::Vector;
  Vector by_dyt, by_layer, constant;
  template <class Lanes>
  static BlendFactors of(const BlendForward& a, Vector on_dyt, Vector on_layer, int64_t i, Lanes lanes) {
    using Wide = typename E::Wide;
    using W = WideElement<E>;
    const auto load = [&](const void* from, Wide otherwise) {
      return from == nullptr ? broadcast(otherwise) : W::load(static_cast<const Wide*>(from) + i, lanes);
    };
    const Vector layer_bias = on_layer * load(a.layer_bias, Wide{0});
    return {on_dyt * load(a.dyt_weight, Wide{1}), on_layer * load(a.layer_weight, Wide{1}),
            fma(on_dyt, load(a.dyt_bias, Wide{0}), layer_bias)};
  }
};

// The factors of the sample being computed, kept where the rows of a sample are several and not too long.
template <class E>
class SampleFactors {
 public:
  using Wide = typename E::Wide;
  using Vector = typename E::Vector;
  static constexpr int64_t kMost = 4096;
  explicit SampleFactors(const BlendForward& a) : a_(a), kept_(a.channels <= kMost && a.rows_per_sample > 1) {}
  void select(int64_t sample) {
    if (sample == sample_) return;
    sample_ = sample;
    const auto* gate = static_cast<const Wide*>(a_.gate) + 2 * sample;
    on_dyt_ = broadcast(gate[0]);
    on_layer_ = broadcast(gate[1]);
    if (!kept_) return;
    each_vector<E::kLanes>(a_.channels, [&](int64_t i, auto lanes) {
      const auto f = BlendFactors<E>::of(a_, on_dyt_, on_layer_, i, lanes);
      WideElement<E>::store(values_ + i, f.by_dyt, lanes);
      WideElement<E>::store(values_ + kMost + i, f.by_layer, lanes);
      WideElement<E>::store(values_ + 2 * kMost + i, f.constant, lanes);
    });
  }
  template <class Lanes>
  BlendFactors<E> at(int64_t i, Lanes lanes) const {
    using W = WideElement<E>;
    if (!kept_) return BlendFactors<E>::of(a_, on_dyt_, on_layer_, i, lanes);
    return {W::load(values_ + i, lanes), W::load(values_ + kMost + i, lanes), W::load(values_ + 2 * kMost + i, lanes)};
  }

 private:
  const BlendForward& a_;
  const bool kept_;
  int64_t sample_ = -1;
  Vector on_dyt_, on_layer_;
  Wide values_[3 * kMost];
};

template <class E>
void blend_forward_rows(const BlendForward& a, int64_t first, int64_t last) {
  using Wide = typename E::Wide;
  const int64_t n = a.channels;
  const auto alpha = broadcast(*static_cast<const Wide*>(a.alpha));
  SampleFactors<E> factors(a);
  each_row<E>(n, first, last, [&](int64_t start, auto rows) {
    constexpr int kRows = decltype(rows)::kVectors;
    const auto* group = static_cast<const typename E::Storage*>(a.x) + start * n;
    const auto found = moments<E, true, kRows>(group, n, a.eps);
    for (int k = 0; k < kRows; ++k) {
      const int64_t row = start + k;
      const auto* x = group + k * n;
      auto* y = static_cast<typename E::Storage*>(a.y) + row * n;
      factors.select(row / a.rows_per_sample);
      const Wide mean = found.mean[k], rstd = found.rstd[k];
      static_cast<Wide*>(a.mean)[row] = mean;
      static_cast<Wide*>(a.rstd)[row] = rstd;
      each_group<E::kLanes, kTogether>(n, [&](int64_t at, auto lanes, auto together) {
        constexpr int kVectors = decltype(together)::kVectors;
        typename E::Vector t[kVectors];
        for (int j = 0; j < kVectors; ++j) {
          __builtin_prefetch(x + kRows * n + at + j * E::kLanes);
          t[j] = alpha * E::load(x + at + j * E::kLanes, lanes);
        }
        TanhOf::apply(t);
        for (int j = 0; j < kVectors; ++j) {
          const int64_t i = at + j * E::kLanes;
          const auto f = factors.at(i, lanes);
          const auto h = (E::load(x + i, lanes) - mean) * rstd;
          put<E>(y + i, fma(h, f.by_layer, fma(t[j], f.by_dyt, f.constant)), lanes, a.stream);
        }
      });
    }
  });
  finish_streaming(a.stream);
}

// The two branches' formulas, with dy weighted by the gate (normalization.md 8.6).
template <class E>
void blend_backward_rows(const BlendBackward& a, int64_t first, int64_t last, void* sums) {
  using Wide = typename E::Wide;
  using Vector = typename E::Vector;
  using W = WideElement<E>;
  const int64_t n = a.channels;
  const auto* dyt_weight = static_cast<const Wide*>(a.dyt_weight);
  const auto* dyt_bias = static_cast<const Wide*>(a.dyt_bias);
  const auto* layer_weight = static_cast<const Wide*>(a.layer_weight);
  const auto* layer_bias = static_cast<const Wide*>(a.layer_bias);
  const auto alpha = broadcast(*static_cast<const Wide*>(a.alpha));
  auto* ddyt_weight = static_cast<Wide*>(sums);
  auto* ddyt_bias = ddyt_weight + n;
  auto* dlayer_weight = ddyt_bias + n;
  auto* dlayer_bias = dlayer_weight + n;
  auto* through_dyt = dlayer_bias + n;
  Vector dalpha{};
  for (int64_t row = first; row < last; ++row) {
    const auto* from = static_cast<const typename E::Storage*>(a.x) + row * n;
    const auto* dy = static_cast<const typename E::Storage*>(a.dy) + row * n;
    auto* dx = static_cast<typename E::Storage*>(a.dx) + row * n;
    const auto* gate = static_cast<const Wide*>(a.gate) + 2 * (row / a.rows_per_sample);
    const Wide on_dyt = gate[0], on_layer = gate[1];
    const Wide mean = static_cast<const Wide*>(a.mean)[row], rstd = static_cast<const Wide*>(a.rstd)[row];
    Vector along_h{}, along_one{}, dgate_dyt{}, dgate_layer{};
    each_group<E::kLanes, kTogether>(n, [&](int64_t at, auto lanes, auto together) {
      constexpr int kVectors = decltype(together)::kVectors;
      Vector t[kVectors];
      for (int j = 0; j < kVectors; ++j) t[j] = alpha * E::load(from + at + j * E::kLanes, lanes);
      TanhOf::apply(t);
      for (int j = 0; j < kVectors; ++j) {
        const int64_t i = at + j * E::kLanes;
        const Vector x = E::load(from + i, lanes);
        const Vector up = E::load(dy + i, lanes);  // 0 in unused lanes
        const Vector h = keep((x - mean) * rstd, lanes);
        const Vector to_layer = on_layer * up, to_dyt = on_dyt * up;
        const Vector u = affine<E>(to_layer, layer_weight, nullptr, i, lanes);
        along_h = fma(u, h, along_h);
        along_one = along_one + u;
        dgate_dyt = fma(up, affine<E>(t[j], dyt_weight, dyt_bias, i, lanes), dgate_dyt);
        dgate_layer = fma(up, affine<E>(h, layer_weight, layer_bias, i, lanes), dgate_layer);
        W::store(ddyt_weight + i, fma(to_dyt, t[j], W::load(ddyt_weight + i, lanes)), lanes);
        W::store(ddyt_bias + i, W::load(ddyt_bias + i, lanes) + to_dyt, lanes);
        W::store(dlayer_weight + i, fma(to_layer, h, W::load(dlayer_weight + i, lanes)), lanes);
        W::store(dlayer_bias + i, W::load(dlayer_bias + i, lanes) + to_layer, lanes);
        const Vector g = affine<E>(to_dyt, dyt_weight, nullptr, i, lanes) * TanhOf::slope(alpha * x, t[j]);
        dalpha = fma(g, x, dalpha);
        W::store(through_dyt + i, alpha * g, lanes);
      }
    });
    const Wide on_h = add_lanes(along_h) / static_cast<Wide>(n);
    const Wide on_one = add_lanes(along_one) / static_cast<Wide>(n);
    each_vector<E::kLanes>(n, [&](int64_t i, auto lanes) {
      __builtin_prefetch(from + n + i);  // the next row, while this one is being finished
      __builtin_prefetch(dy + n + i);
      const Vector h = (E::load(from + i, lanes) - mean) * rstd;
      const Vector u = affine<E>(on_layer * E::load(dy + i, lanes), layer_weight, nullptr, i, lanes);
      put<E>(dx + i, fma(broadcast(rstd), fma(h, broadcast(-on_h), u - on_one), W::load(through_dyt + i, lanes)), lanes,
             a.stream);
    });
    auto* row_gate = static_cast<Wide*>(a.row_gate) + 2 * row;
    row_gate[0] = add_lanes(dgate_dyt);
    row_gate[1] = add_lanes(dgate_layer);
  }
  through_dyt[n] += add_lanes(dalpha);
  finish_streaming(a.stream);
}

}  // namespace
}  // namespace autonorm::kernels
