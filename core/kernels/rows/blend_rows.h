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
  const int64_t ahead = rows_ahead<E>(n);
  each_row<E>(n, first, last, a.stream, [&](int64_t start, auto rows) {
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
          if (a.stream) fetch_ahead(x + ahead + at + j * E::kLanes);
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

// What the rows of one sample share, arrays of C in the kernel's sums. Of Σ dy ⊙ t, Σ dy and Σ dy ⊙ h over a sample's
// rows all parameters' gradients follow, and the gate's.
template <class E>
struct SampleSums {
  using Wide = typename E::Wide;
  using W = WideElement<E>;
  Wide *dy_t, *dy, *dy_h;           // 0 between samples
  Wide *dyt_factor, *layer_factor;  // the weights, multiplied by the gate
  Wide* through_dyt;                // [kBlendRowsTogether][C] one branch's part of dx
  SampleSums(void* sums, int64_t n) {
    dy_t = static_cast<Wide*>(sums) + 4 * n;
    dy = dy_t + n;
    dy_h = dy + n;
    dyt_factor = dy_h + n;
    layer_factor = dyt_factor + n;
    through_dyt = layer_factor + n;
  }

  void begin(const BlendBackward& a, int64_t sample) {
    const auto* gate = static_cast<const Wide*>(a.gate) + 2 * sample;
    const auto on_dyt = broadcast(gate[0]), on_layer = broadcast(gate[1]);
    each_vector<E::kLanes>(a.channels, [&](int64_t i, auto lanes) {
      W::store(dyt_factor + i, affine<E>(on_dyt, static_cast<const Wide*>(a.dyt_weight), nullptr, i, lanes), lanes);
      W::store(layer_factor + i, affine<E>(on_layer, static_cast<const Wide*>(a.layer_weight), nullptr, i, lanes),
               lanes);
    });
  }

  // Adds to the parameters' gradients in `sums`; this part of the sample's gate gradient goes into `row_gate`.
  void end(const BlendBackward& a, int64_t sample, Wide* sums, Wide* row_gate) {
    using Vector = typename E::Vector;
    const int64_t n = a.channels;
    const auto* gate = static_cast<const Wide*>(a.gate) + 2 * sample;
    const Wide on_dyt = gate[0], on_layer = gate[1];
    const auto add = [&](int64_t index, int64_t i, Vector value, auto lanes) {
      W::store(sums + index * n + i, W::load(sums + index * n + i, lanes) + value, lanes);
    };
    Vector dgate_dyt{}, dgate_layer{};
    const auto along = [&](Vector value, Vector one, const void* weight, const void* bias, int64_t i, auto lanes) {
      const Vector v = affine<E>(value, static_cast<const Wide*>(weight), nullptr, i, lanes);
      return bias == nullptr ? v : fma(one, W::load(static_cast<const Wide*>(bias) + i, lanes), v);
    };
    each_vector<E::kLanes>(n, [&](int64_t i, auto lanes) {
      const Vector with_t = W::load(dy_t + i, lanes), with_one = W::load(dy + i, lanes),
                   with_h = W::load(dy_h + i, lanes);
      dgate_dyt = dgate_dyt + along(with_t, with_one, a.dyt_weight, a.dyt_bias, i, lanes);
      dgate_layer = dgate_layer + along(with_h, with_one, a.layer_weight, a.layer_bias, i, lanes);
      add(0, i, on_dyt * with_t, lanes);
      add(1, i, on_dyt * with_one, lanes);
      add(2, i, on_layer * with_h, lanes);
      add(3, i, on_layer * with_one, lanes);
      W::store(dy_t + i, Vector{}, lanes);
      W::store(dy + i, Vector{}, lanes);
      W::store(dy_h + i, Vector{}, lanes);
    });
    row_gate[0] = add_lanes(dgate_dyt);
    row_gate[1] = add_lanes(dgate_layer);
  }
};

// kRows rows of one sample from `row` on.
template <class E, int kRows>
inline void blend_backward_some(const BlendBackward& a, const SampleSums<E>& sample, int64_t row,
                                typename E::Vector& dalpha) {
  using Wide = typename E::Wide;
  using Vector = typename E::Vector;
  using W = WideElement<E>;
  const int64_t n = a.channels;
  const auto alpha = broadcast(*static_cast<const Wide*>(a.alpha));
  const auto* from = static_cast<const typename E::Storage*>(a.x) + row * n;
  const auto* dy = static_cast<const typename E::Storage*>(a.dy) + row * n;
  auto* dx = static_cast<typename E::Storage*>(a.dx) + row * n;
  const int64_t ahead = rows_ahead<E>(n);
  Wide mean[kRows], rstd[kRows];
  for (int k = 0; k < kRows; ++k) {
    mean[k] = static_cast<const Wide*>(a.mean)[row + k];
    rstd[k] = static_cast<const Wide*>(a.rstd)[row + k];
  }
  Vector along_h[kRows] = {}, along_one[kRows] = {};
  each_group<E::kLanes, kTogether / kRows>(n, [&](int64_t at, auto lanes, auto together) {
    constexpr int kVectors = decltype(together)::kVectors;
    Vector t[kRows * kVectors];
    for (int k = 0; k < kRows; ++k) {
      for (int j = 0; j < kVectors; ++j) {
        t[k * kVectors + j] = alpha * E::load(from + k * n + at + j * E::kLanes, lanes);
      }
    }
    TanhOf::apply(t);
    for (int j = 0; j < kVectors; ++j) {
      const int64_t i = at + j * E::kLanes;
      const Vector dyt_factor = W::load(sample.dyt_factor + i, lanes);
      const Vector layer_factor = W::load(sample.layer_factor + i, lanes);
      Vector with_t = W::load(sample.dy_t + i, lanes), with_one = W::load(sample.dy + i, lanes),
             with_h = W::load(sample.dy_h + i, lanes);
      for (int k = 0; k < kRows; ++k) {
        if (a.stream) {
          fetch_ahead(from + ahead + k * n + i);
          fetch_ahead(dy + ahead + k * n + i);
        }
        const Vector x = E::load(from + k * n + i, lanes), f = t[k * kVectors + j];
        const Vector up = E::load(dy + k * n + i, lanes);  // 0 in unused lanes
        const Vector h = keep((x - mean[k]) * rstd[k], lanes), u = up * layer_factor;
        along_h[k] = fma(u, h, along_h[k]);
        along_one[k] = along_one[k] + u;
        with_t = fma(up, f, with_t);
        with_one = with_one + up;
        with_h = fma(up, h, with_h);
        const Vector g = up * dyt_factor * TanhOf::slope(alpha * x, f);
        dalpha = fma(g, x, dalpha);
        W::store(sample.through_dyt + k * n + i, alpha * g, lanes);
      }
      W::store(sample.dy_t + i, with_t, lanes);
      W::store(sample.dy + i, with_one, lanes);
      W::store(sample.dy_h + i, with_h, lanes);
    }
  });
  for (int k = 0; k < kRows; ++k) {
    const Wide on_h = add_lanes(along_h[k]) / static_cast<Wide>(n);
    const Wide on_one = add_lanes(along_one[k]) / static_cast<Wide>(n);
    each_vector<E::kLanes>(n, [&](int64_t i, auto lanes) {
      const Vector h = (E::load(from + k * n + i, lanes) - mean[k]) * rstd[k];
      const Vector u = E::load(dy + k * n + i, lanes) * W::load(sample.layer_factor + i, lanes);
      const Vector through_layer = fma(h, broadcast(-on_h), u - on_one);
      put<E>(dx + k * n + i, fma(broadcast(rstd[k]), through_layer, W::load(sample.through_dyt + k * n + i, lanes)),
             lanes, a.stream);
    });
  }
}

// The two branches' formulas, with dy weighted by the gate (normalization.md 8.6).
template <class E>
void blend_backward_rows(const BlendBackward& a, int64_t first, int64_t last, void* sums) {
  using Wide = typename E::Wide;
  const int64_t n = a.channels;
  SampleSums<E> of_sample(sums, n);
  typename E::Vector dalpha{};
  for (int64_t row = first; row < last;) {
    const int64_t sample = row / a.rows_per_sample, begin = row;
    const int64_t end = (sample + 1) * a.rows_per_sample < last ? (sample + 1) * a.rows_per_sample : last;
    auto* row_gate = static_cast<Wide*>(a.row_gate) + 2 * begin;
    of_sample.begin(a, sample);
    for (; !a.stream && row + kBlendRowsTogether <= end; row += kBlendRowsTogether) {
      blend_backward_some<E, kBlendRowsTogether>(a, of_sample, row, dalpha);
    }
    for (; row < end; ++row) blend_backward_some<E, 1>(a, of_sample, row, dalpha);
    for (int64_t i = 2; i < 2 * (end - begin); ++i) row_gate[i] = 0;
    of_sample.end(a, sample, static_cast<Wide*>(sums), row_gate);
  }
  static_cast<Wide*>(sums)[kBlendSums * n] += add_lanes(dalpha);
  finish_streaming(a.stream);
}

}  // namespace
}  // namespace autonorm::kernels
