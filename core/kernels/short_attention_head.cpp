#include "core/kernels/short_attention_head.h"

#include <algorithm>
#include <cstring>
#include <limits>

// Each body is inlined twice: as it is, and for AVX2 with fused multiply-add, chosen at run time.
#define AUTONORM_INLINE [[gnu::always_inline]] inline
#if defined(__x86_64__)
#define AUTONORM_AVX2 __attribute__((target("avx2,fma")))
#else
#define AUTONORM_AVX2
#endif

namespace autonorm::kernels {
namespace {

using Lanes = float __attribute__((vector_size(4 * kHeadLanes)));
using Integers = int32_t __attribute__((vector_size(4 * kHeadLanes)));

AUTONORM_INLINE Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}
AUTONORM_INLINE void store(float* to, const Lanes& lanes) { std::memcpy(to, &lanes, sizeof(lanes)); }
AUTONORM_INLINE Lanes all(float value) { return value - Lanes{}; }

struct Strided {
  const float* data;
  int64_t row, column;
};

// Rows × (8·Vectors) elements of c = a · b, summed over `depth` in order.
template <int Rows, int Vectors>
AUTONORM_INLINE void tile(float* c, int64_t c_row, const Strided& a, const float* b, int64_t b_row, int64_t depth) {
  Lanes sums[Rows][Vectors] = {};
  for (int64_t k = 0; k < depth; ++k) {
    Lanes right[Vectors];
    for (int n = 0; n < Vectors; ++n) right[n] = load(b + k * b_row + n * kHeadLanes);
    for (int m = 0; m < Rows; ++m) {
      const Lanes left = all(a.data[m * a.row + k * a.column]);
      for (int n = 0; n < Vectors; ++n) sums[m][n] += left * right[n];
    }
  }
  for (int m = 0; m < Rows; ++m) {
    for (int n = 0; n < Vectors; ++n) store(c + m * c_row + n * kHeadLanes, sums[m][n]);
  }
}

template <int Vectors>
AUTONORM_INLINE void columns(float* c, int64_t c_row, const Strided& a, const float* b, int64_t b_row, int64_t rows,
                             int64_t depth) {
  constexpr int kRows = 4;  // 4 × 3 sums, 3 operands and a factor fill the 16 registers
  int64_t m = 0;
  for (; m + kRows <= rows; m += kRows) {
    tile<kRows, Vectors>(c + m * c_row, c_row, {a.data + m * a.row, a.row, a.column}, b, b_row, depth);
  }
  for (; m < rows; ++m) {
    tile<1, Vectors>(c + m * c_row, c_row, {a.data + m * a.row, a.row, a.column}, b, b_row, depth);
  }
}

// c [rows, width] = a [rows, depth] · b [depth, width]; width is a multiple of kHeadLanes.
AUTONORM_INLINE void product(float* c, int64_t c_row, const Strided& a, const float* b, int64_t b_row, int64_t rows,
                             int64_t width, int64_t depth) {
  int64_t n = 0;
  for (; n + 3 * kHeadLanes <= width; n += 3 * kHeadLanes) columns<3>(c + n, c_row, a, b + n, b_row, rows, depth);
  if (width - n == 2 * kHeadLanes) {
    columns<2>(c + n, c_row, a, b + n, b_row, rows, depth);
  } else if (width - n == kHeadLanes) {
    columns<1>(c + n, c_row, a, b + n, b_row, rows, depth);
  }
}

// to [d, padded] = factor · fromᵀ, from [T, d] at input_stride; the columns after T are zero.
AUTONORM_INLINE void transpose(const HeadShape& shape, const float* from, float factor, float* to) {
  const int64_t padded = shape.padded();
  for (int64_t c = 0; c < shape.channels; ++c) {
    for (int64_t t = 0; t < shape.tokens; ++t) to[c * padded + t] = factor * from[t * shape.input_stride + c];
    for (int64_t t = shape.tokens; t < padded; ++t) to[c * padded + t] = 0.0F;
  }
}

// exp(x) for x ≤ 0 to 2 units in the last place, 0 (to 1e-38) below −87; not a number where x is none.
AUTONORM_INLINE Lanes exponential(Lanes x) {
  const Lanes least = all(-87.0F);
  x = x < least ? least : x;
  const Lanes n = __builtin_convertvector(__builtin_convertvector(x * 1.44269504F - 0.5F, Integers), Lanes);
  const Lanes r = (x - n * 0.693359375F) - n * -2.12194440e-4F;  // ln 2 in two parts (Cephes)
  Lanes p = all(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const Integers exponent = (__builtin_convertvector(n, Integers) + 127) << 23;
  Lanes power;
  std::memcpy(&power, &exponent, sizeof(power));
  return p * power;
}

AUTONORM_INLINE float sum(const Lanes& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

AUTONORM_INLINE float largest(const Lanes& lanes) {
  float most = lanes[0];
  for (int i = 1; i < kHeadLanes; ++i) most = std::max(most, lanes[i]);
  return most;
}

AUTONORM_INLINE void softmax_row(const HeadShape& shape, float* row) {
  const int64_t padded = shape.padded();
  std::fill(row + shape.tokens, row + padded, -std::numeric_limits<float>::infinity());
  Lanes most = load(row);
  for (int64_t j = kHeadLanes; j < padded; j += kHeadLanes) {
    const Lanes x = load(row + j);
    most = x > most ? x : most;
  }
  const Lanes shift = all(largest(most));
  for (int64_t j = 0; j < padded; j += kHeadLanes) store(row + j, exponential(load(row + j) - shift));
  std::fill(row + shape.tokens, row + padded, 0.0F);
  Lanes total = {};
  for (int64_t j = 0; j < padded; j += kHeadLanes) total += load(row + j);
  const Lanes factor = all(1.0F / sum(total));
  for (int64_t j = 0; j < padded; j += kHeadLanes) store(row + j, load(row + j) * factor);
}

// d(scores) from d(probabilities), in place: scale · P · (dP − Σ_j dP P).
AUTONORM_INLINE void softmax_row_backward(const HeadShape& shape, const float* probabilities, float* row) {
  const int64_t padded = shape.padded();
  Lanes total = {};
  for (int64_t j = 0; j < padded; j += kHeadLanes) total += load(row + j) * load(probabilities + j);
  const Lanes mean = all(sum(total));
  for (int64_t j = 0; j < padded; j += kHeadLanes) {
    store(row + j, load(probabilities + j) * (load(row + j) - mean) * shape.scale);
  }
}

AUTONORM_INLINE void forward(const HeadShape& s, const float* q, const float* k, const float* v, float* probabilities,
                             float* out, float* workspace) {
  const int64_t padded = s.padded();
  transpose(s, k, s.scale, workspace);
  product(probabilities, padded, {q, s.input_stride, 1}, workspace, padded, s.tokens, padded, s.channels);
  for (int64_t t = 0; t < s.tokens; ++t) softmax_row(s, probabilities + t * padded);
  product(out, s.output_stride, {probabilities, padded, 1}, v, s.input_stride, s.tokens, s.channels, s.tokens);
}

AUTONORM_INLINE void backward(const HeadShape& s, const float* q, const float* k, const float* v,
                              const float* probabilities, const float* dout, float* dq, float* dk, float* dv,
                              float* workspace) {
  const int64_t padded = s.padded();
  float* scores = workspace + s.channels * padded;  // [T, padded]: dP, then dS
  transpose(s, v, 1.0F, workspace);
  product(scores, padded, {dout, s.output_stride, 1}, workspace, padded, s.tokens, padded, s.channels);
  for (int64_t t = 0; t < s.tokens; ++t) softmax_row_backward(s, probabilities + t * padded, scores + t * padded);
  product(dq, s.input_stride, {scores, padded, 1}, k, s.input_stride, s.tokens, s.channels, s.tokens);
  product(dk, s.input_stride, {scores, 1, padded}, q, s.input_stride, s.tokens, s.channels, s.tokens);
  product(dv, s.input_stride, {probabilities, 1, padded}, dout, s.output_stride, s.tokens, s.channels, s.tokens);
}

AUTONORM_AVX2 void forward_avx2(const HeadShape& s, const float* q, const float* k, const float* v,
                                float* probabilities, float* out, float* workspace) {
  forward(s, q, k, v, probabilities, out, workspace);
}

AUTONORM_AVX2 void backward_avx2(const HeadShape& s, const float* q, const float* k, const float* v,
                                 const float* probabilities, const float* dout, float* dq, float* dk, float* dv,
                                 float* workspace) {
  backward(s, q, k, v, probabilities, dout, dq, dk, dv, workspace);
}

bool has_avx2() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
#else
  return false;
#endif
}

}  // namespace

int64_t HeadShape::padded() const { return (tokens + kHeadLanes - 1) / kHeadLanes * kHeadLanes; }

int64_t head_workspace(const HeadShape& shape) { return (shape.channels + shape.tokens) * shape.padded(); }

void attend_head(const HeadShape& shape, const float* q, const float* k, const float* v, float* probabilities,
                 float* out, float* workspace) {
  (has_avx2() ? forward_avx2 : forward)(shape, q, k, v, probabilities, out, workspace);
}

void attend_head_backward(const HeadShape& shape, const float* q, const float* k, const float* v,
                          const float* probabilities, const float* dout, float* dq, float* dk, float* dv,
                          float* workspace) {
  (has_avx2() ? backward_avx2 : backward)(shape, q, k, v, probabilities, dout, dq, dk, dv, workspace);
}

}  // namespace autonorm::kernels
