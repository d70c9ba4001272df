// tanh and erf of vectors, and their slopes.
//
// float: a rational approximation, odd polynomial over even polynomial (tanh: fitted for the least largest relative
// error; erf: coefficients as in Eigen). The largest relative error is 2.9e-7 for tanh, 3.2e-7 without fused products,
// and 3.4e-7 for erf; no value exceeds 1. double: the C library's, lane by lane.
#pragma once
#include "core/kernels/rows/vector.h"

namespace autonorm::kernels {
namespace {

// Σ c[k] v^k by Horner's rule, highest coefficient first in `c`; several vectors side by side.
template <int kTogether, int kCount>
inline void polynomial(const Floats (&v)[kTogether], const float (&c)[kCount], Floats (&sum)[kTogether]) {
  for (int j = 0; j < kTogether; ++j) sum[j] = broadcast(c[0]);
#pragma GCC unroll 16
  for (int k = 1; k < kCount; ++k) {
#pragma GCC unroll 16
    for (int j = 0; j < kTogether; ++j) sum[j] = fma(sum[j], v[j], broadcast(c[k]));
  }
}

// z ← z · over(z²) / under(z²) within ± limit
template <int kTogether, int kOver, int kUnder>
inline void odd_rational(Floats (&z)[kTogether], float limit, const float (&over)[kOver],
                         const float (&under)[kUnder]) {
  Floats square[kTogether], numerator[kTogether], denominator[kTogether];
#pragma GCC unroll 16
  for (int j = 0; j < kTogether; ++j) z[j] = clamp(z[j], limit);
#pragma GCC unroll 16
  for (int j = 0; j < kTogether; ++j) square[j] = z[j] * z[j];
  polynomial(square, under, denominator);
  polynomial(square, over, numerator);
#pragma GCC unroll 16
  for (int j = 0; j < kTogether; ++j) z[j] = z[j] * numerator[j] / denominator[j];
}

// e^v for v ≤ 0, to about one unit in the last place.
inline Floats exp_of_negative(Floats v) {
  v = v < -87.0F ? broadcast(-87.0F) : v;
  const Floats scaled = v * 1.44269504F;
  const Ints power = __builtin_convertvector(scaled - 0.5F, Ints);  // truncation rounds to nearest, as v ≤ 0
  const Floats whole = __builtin_convertvector(power, Floats);
  const Floats rest = fma(whole, broadcast(2.12194440e-4F), fma(whole, broadcast(-0.693359375F), v));
  constexpr float kExp[] = {1.9875691500e-4F, 1.3981999507e-3F, 8.3334519073e-3F,
                            4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F};
  Floats sum[1];
  polynomial({rest}, kExp, sum);
  const Floats e = fma(sum[0], rest * rest, rest) + 1.0F;
  return e * reinterpret_cast<Floats>((power + 127) << 23);
}

struct TanhOf {
  static constexpr float kLimit = 7.95F;
  static constexpr float kFlat = 0.9999992F;  // less than the square of the value at the limit
  // z ← f(z)
  template <int kTogether>
  static void apply(Floats (&z)[kTogether]) {
    constexpr float kOver[] = {1.532905181e-08F, 2.195901834e-05F, 3.575303592e-03F, 1.344756782e-01F,
                               1.000000000e+00F};
    constexpr float kUnder[] = {8.560610354e-07F, 3.417482367e-04F, 2.617837675e-02F, 4.678089619e-01F,
                                1.000000000e+00F};
    odd_rational(z, kLimit, kOver, kUnder);
  }
  template <int kTogether>
  static void apply(Doubles (&z)[kTogether]) {
    for (Doubles& v : z) {
      for (int i = 0; i < kDoubles; ++i) v[i] = ::tanh(v[i]);
    }
  }
  // The slope at z, where the value is f. Zero where the value no longer changes: what is left of 1 − f² there would be
  // multiplied by a large z.
  static Floats slope(Floats, Floats f) {
    const Floats square = f * f;
    return square < kFlat ? 1 - square : square - square;
  }
  static Doubles slope(Doubles, Doubles f) { return 1 - f * f; }
};

struct ErfOf {
  // z ← f(z)
  template <int kTogether>
  static void apply(Floats (&z)[kTogether]) {
    constexpr float kOver[] = {-2.72614225801306e-10F, 2.77068142495902e-08F,  -2.10102402082508e-06F,
                               -5.69250639462346e-05F, -7.34990630326855e-04F, -2.95459980854025e-03F,
                               -1.60960333262415e-02F};
    constexpr float kUnder[] = {-1.45660718464996e-05F, -2.13374055278905e-04F, -1.68282697438203e-03F,
                                -7.37332916720468e-03F, -1.42647390514189e-02F};
    odd_rational(z, 4.0F, kOver, kUnder);
  }
  template <int kTogether>
  static void apply(Doubles (&z)[kTogether]) {
    for (Doubles& v : z) {
      for (int i = 0; i < kDoubles; ++i) v[i] = ::erf(v[i]);
    }
  }
  static Floats slope(Floats z, Floats) { return 1.12837917F * exp_of_negative(-(z * z)); }
  static Doubles slope(Doubles z, Doubles) {
    for (int i = 0; i < kDoubles; ++i) z[i] = 1.1283791670955126 * ::exp(-(z[i] * z[i]));
    return z;
  }
};

}  // namespace
}  // namespace autonorm::kernels
