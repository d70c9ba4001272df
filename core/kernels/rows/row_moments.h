// Means and deviations of rows, and how streams of rows are read and written. Included by the units of the instruction
// sets only.
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

// Calls body(offset, Full or Part, 0 or 1) for each vector of a row of n elements: which of two running sums it adds
// to.
template <int kLanes, class Body>
inline void each_in_turns(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    body(i, Full{}, 0);
    body(i + kLanes, Full{}, 1);
  }
  for (; i + kLanes <= n; i += kLanes) body(i, Full{}, 0);
  if (i < n) body(i, Part{static_cast<int>(n - i)}, 1);
}

// Σ of term(row, offset, lanes, sum so far) over each of kRows rows of n elements; two running sums per row.
template <class E, int kRows, class Term>
inline void row_sums(int64_t n, typename E::Wide (&sums)[kRows], Term term) {
  typename E::Vector running[2][kRows] = {};
  each_in_turns<E::kLanes>(n, [&](int64_t i, auto lanes, int turn) {
    for (int row = 0; row < kRows; ++row) running[turn][row] = term(row, i, lanes, running[turn][row]);
  });
  for (int row = 0; row < kRows; ++row) sums[row] = add_lanes(running[0][row] + running[1][row]);
}

// Means of kRows rows that follow each other, taken from the first element on, so that rows far from zero lose nothing
// and constant rows are exact.
template <class E, int kRows>
inline void row_means(const typename E::Storage* x, int64_t n, typename E::Wide (&means)[kRows]) {
  using Wide = typename E::Wide;
  Wide first[kRows], sums[kRows];
  for (int row = 0; row < kRows; ++row) first[row] = E::load(x + row * n, Part{1})[0];
  row_sums<E, kRows>(n, sums, [&](int row, int64_t i, auto lanes, typename E::Vector sum) {
    return sum + keep(E::load(x + row * n + i, lanes) - first[row], lanes);
  });
  for (int row = 0; row < kRows; ++row) means[row] = first[row] + sums[row] / static_cast<Wide>(n);
}

// 1 / √(sum / n + eps)
template <class Wide>
inline Wide inverse_deviation(Wide sum_of_squares, int64_t n, double eps) {
  return Wide{1} / square_root(sum_of_squares / static_cast<Wide>(n) + static_cast<Wide>(eps));
}

// Mean and 1 / √(variance + eps) of kRows rows that follow each other.
template <class E, bool kCentered, int kRows>
inline RowMoments<E, kRows> moments(const typename E::Storage* x, int64_t n, double eps) {
  using Vector = typename E::Vector;
  RowMoments<E, kRows> result;
  if constexpr (kCentered) row_means<E, kRows>(x, n, result.mean);
  typename E::Wide sums[kRows];
  row_sums<E, kRows>(n, sums, [&](int row, int64_t i, auto lanes, Vector sum) {
    const Vector d = keep(E::load(x + row * n + i, lanes) - result.mean[row], lanes);
    return fma(d, d, sum);
  });
  for (int row = 0; row < kRows; ++row) result.rstd[row] = inverse_deviation(sums[row], n, eps);
  return result;
}

// Data that come from memory and not from a cache are asked for this many bytes before their use, into the second-level
// cache: half a page off, so that loads and stores of tensors that begin at equal offsets do not meet. Measured on two
// threads of a Zen 4 with layer's forward pass, row after row, 3 kB each: 65 % of copying past the caches without, 76 %
// with half of this distance, 87 % with it; into the first-level cache 78 %. Kernels of one pass do without.
constexpr int64_t kAhead = 6144;

// In elements, for rows whose stages overlap.
template <class E>
constexpr int64_t kElementsAhead = kAhead / static_cast<int64_t>(sizeof(typename E::Storage));
// As whole rows that are at least as far, in elements, for one row after the other.
template <class E>
inline int64_t rows_ahead(int64_t n) {
  return (kElementsAhead<E> + n - 1) / n * n;
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

}  // namespace
}  // namespace autonorm::kernels
