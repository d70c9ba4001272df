// layer and rms, row by row (row_kernels.h). Included by the units of the instruction sets only.
#pragma once
#include "core/kernels/rows/row_kernels.h"
#include "core/kernels/rows/vector.h"

namespace autonorm::kernels {
namespace {

// Rows whose sums run side by side, so that their latencies overlap, if all of them stay in the first-level cache.
constexpr int kRowsTogether = 4;
constexpr int64_t kShortRow = 4096;  // bytes

template <class E, int kRows>
struct RowMoments {
  typename E::Wide mean[kRows] = {}, rstd[kRows];
};

// Σ of term(row, offset, lanes, sum so far) over each of kRows rows of n elements; two running sums per row.
template <class E, int kRows, class Term>
inline void row_sums(int64_t n, typename E::Wide (&sums)[kRows], Term term) {
  typename E::Vector even[kRows] = {}, odd[kRows] = {};
  constexpr int64_t kStep = E::kLanes;
  int64_t i = 0;
  for (; i + 2 * kStep <= n; i += 2 * kStep) {
    for (int row = 0; row < kRows; ++row) {
      even[row] = term(row, i, Full{}, even[row]);
      odd[row] = term(row, i + kStep, Full{}, odd[row]);
    }
  }
  for (; i + kStep <= n; i += kStep) {
    for (int row = 0; row < kRows; ++row) even[row] = term(row, i, Full{}, even[row]);
  }
  if (i < n) {
    for (int row = 0; row < kRows; ++row) odd[row] = term(row, i, Part{static_cast<int>(n - i)}, odd[row]);
  }
  for (int row = 0; row < kRows; ++row) sums[row] = add_lanes(even[row] + odd[row]);
}

// Mean and 1 / √(variance + eps) of kRows rows that follow each other. The mean is taken from the first element on, so
// that rows far from zero lose nothing and constant rows are exact.
template <class E, bool kCentered, int kRows>
inline RowMoments<E, kRows> moments(const typename E::Storage* x, int64_t n, double eps) {
  using Vector = typename E::Vector;
  using Wide = typename E::Wide;
  RowMoments<E, kRows> result;
  Wide sums[kRows];
  if constexpr (kCentered) {
    Wide first[kRows];
    for (int row = 0; row < kRows; ++row) first[row] = E::load(x + row * n, Part{1})[0];
    row_sums<E, kRows>(n, sums, [&](int row, int64_t i, auto lanes, Vector sum) {
      return sum + keep(E::load(x + row * n + i, lanes) - first[row], lanes);
    });
    for (int row = 0; row < kRows; ++row) result.mean[row] = first[row] + sums[row] / static_cast<Wide>(n);
  }
  row_sums<E, kRows>(n, sums, [&](int row, int64_t i, auto lanes, Vector sum) {
    const Vector d = keep(E::load(x + row * n + i, lanes) - result.mean[row], lanes);
    return fma(d, d, sum);
  });
  for (int row = 0; row < kRows; ++row) {
    const Wide variance = sums[row] / static_cast<Wide>(n) + static_cast<Wide>(eps);
    result.rstd[row] = Wide{1} / square_root(variance);
  }
  return result;
}

// Data that come from memory and not from a cache are asked for this many bytes or more before their use, by whole
// rows, into the second-level cache, while a row is being finished. Measured on two threads of a Zen 4, rows of 3 kB:
// layer forward at 65 % of copying past the caches without, 76 % one row ahead, 87 % two; more rows slow the backward
// passes, whose three streams meet in few pages; into the first-level cache 78 %. Kernels of one pass do without.
constexpr int64_t kAhead = 6144;

template <class E>
inline int64_t elements_ahead(int64_t n) {
  const int64_t row = n * static_cast<int64_t>(sizeof(typename E::Storage));
  return (kAhead + row - 1) / row * n;
}
inline void fetch_ahead(const void* from) { __builtin_prefetch(from, /*rw=*/0, /*locality=*/2); }

// Calls body(row, Together) for the rows [first, last), several at once where rows are short. Data that come from
// memory are read row by row: one stream is faster than several.
template <class E, class Body>
inline void each_row(int64_t n, int64_t first, int64_t last, bool from_memory, Body body) {
  int64_t row = first;
  if (!from_memory && n * static_cast<int64_t>(sizeof(typename E::Storage)) <= kShortRow) {
    for (; row + kRowsTogether <= last; row += kRowsTogether) body(row, Together<kRowsTogether>{});
  }
  for (; row < last; ++row) body(row, Together<1>{});
}

// Weight 1 and bias 0 where there are none.
template <class E, class Lanes>
inline typename E::Vector affine(typename E::Vector h, const typename E::Wide* weight, const typename E::Wide* bias,
                                 int64_t i, Lanes lanes) {
  using W = WideElement<E>;
  if (weight == nullptr) return h;
  if (bias == nullptr) return h * W::load(weight + i, lanes);
  return fma(h, W::load(weight + i, lanes), W::load(bias + i, lanes));
}

template <class E>
inline void put(typename E::Storage* to, typename E::Vector v, Full, bool stream) {
  if (stream) {
    E::stream(to, v);
  } else {
    E::store(to, v, Full{});
  }
}
template <class E>
inline void put(typename E::Storage* to, typename E::Vector v, Part part, bool) {
  E::store(to, v, part);
}

inline void finish_streaming(bool stream) {
#if defined(__x86_64__)
  if (stream) _mm_sfence();
#endif
}

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
  using Wide = typename E::Wide;
  const int64_t n = a.channels;
  if (n == 1) return single_forward_rows<E, kCentered>(a, first, last);
  const auto* weight = static_cast<const Wide*>(a.weight);
  const auto* bias = static_cast<const Wide*>(a.bias);
  const int64_t ahead = elements_ahead<E>(n);
  each_row<E>(n, first, last, a.stream, [&](int64_t start, auto together) {
    constexpr int kRows = decltype(together)::kVectors;
    const auto* group = static_cast<const typename E::Storage*>(a.x) + start * n;
    const auto found = moments<E, kCentered, kRows>(group, n, a.eps);
    for (int k = 0; k < kRows; ++k) {
      const auto* x = group + k * n;
      auto* y = static_cast<typename E::Storage*>(a.y) + (start + k) * n;
      const Wide mean = found.mean[k], rstd = found.rstd[k];
      if (kCentered) static_cast<Wide*>(a.mean)[start + k] = mean;
      static_cast<Wide*>(a.rstd)[start + k] = rstd;
      each_vector<E::kLanes>(n, [&](int64_t i, auto lanes) {
        if (a.stream) fetch_ahead(x + ahead + i);
        const auto h = (E::load(x + i, lanes) - mean) * rstd;
        put<E>(y + i, affine<E>(h, weight, bias, i, lanes), lanes, a.stream);
      });
    }
  });
  finish_streaming(a.stream);
}

// With u = weight ⊙ dy, h = (x − μ) · rstd:  dx = rstd · (u − h · mean(u ⊙ h) − mean(u)); rms has no last term.
template <class E, bool kCentered>
void layer_backward_rows(const LayerBackward& a, int64_t first, int64_t last, void* sums) {
  using Wide = typename E::Wide;
  using Vector = typename E::Vector;
  using W = WideElement<E>;
  const int64_t n = a.channels;
  if (n == 1) return single_backward_rows<E, kCentered>(a, first, last, sums);
  const auto* weight = static_cast<const Wide*>(a.weight);
  auto* dweight = static_cast<Wide*>(sums);
  auto* dbias = dweight + n;
  const int64_t ahead = elements_ahead<E>(n);
  for (int64_t row = first; row < last; ++row) {
    const auto* x = static_cast<const typename E::Storage*>(a.x) + row * n;
    const auto* dy = static_cast<const typename E::Storage*>(a.dy) + row * n;
    auto* dx = static_cast<typename E::Storage*>(a.dx) + row * n;
    const Wide mean = kCentered ? static_cast<const Wide*>(a.mean)[row] : Wide{0};
    const Wide rstd = static_cast<const Wide*>(a.rstd)[row];
    Vector along_h{}, along_one{};
    each_vector<E::kLanes>(n, [&](int64_t i, auto lanes) {
      const Vector h = (E::load(x + i, lanes) - mean) * rstd;
      const Vector g = E::load(dy + i, lanes);  // 0 in unused lanes
      W::store(dweight + i, fma(g, h, W::load(dweight + i, lanes)), lanes);
      if (kCentered) W::store(dbias + i, W::load(dbias + i, lanes) + g, lanes);
      const Vector u = affine<E>(g, weight, nullptr, i, lanes);
      along_h = fma(u, keep(h, lanes), along_h);
      if (kCentered) along_one = along_one + u;
    });
    const Wide on_h = add_lanes(along_h) / static_cast<Wide>(n);
    const Wide on_one = add_lanes(along_one) / static_cast<Wide>(n);
    each_vector<E::kLanes>(n, [&](int64_t i, auto lanes) {
      if (a.stream) {
        fetch_ahead(x + ahead + i);
        fetch_ahead(dy + ahead + i);
      }
      const Vector h = (E::load(x + i, lanes) - mean) * rstd;
      Vector u = affine<E>(E::load(dy + i, lanes), weight, nullptr, i, lanes);
      if (kCentered) u = u - on_one;
      put<E>(dx + i, rstd * fma(h, broadcast(-on_h), u), lanes, a.stream);
    });
  }
  finish_streaming(a.stream);
}

}  // namespace
}  // namespace autonorm::kernels
