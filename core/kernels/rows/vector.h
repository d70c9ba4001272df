// Vectors of the widest registers that the including unit is compiled for. Everything here has internal linkage: each
// unit of row_kernels.h has its own copy, so that no function with wide instructions can be linked into another place.
// Multiplication and addition are fused only where fma() says so; a unit is compiled with -ffp-contract=off.
#pragma once
#include <math.h>

#include <cstdint>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace autonorm::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

typedef float Floats __attribute__((vector_size(kVectorBytes)));
typedef double Doubles __attribute__((vector_size(kVectorBytes)));
typedef int32_t Ints __attribute__((vector_size(kVectorBytes)));
typedef int64_t Longs __attribute__((vector_size(kVectorBytes)));
typedef uint32_t Bits __attribute__((vector_size(kVectorBytes)));
typedef uint16_t Halves __attribute__((vector_size(kVectorBytes / 2)));

constexpr int kFloats = kVectorBytes / 4;
constexpr int kDoubles = kVectorBytes / 8;

inline Floats broadcast(float value) { return value - Floats{}; }
inline Doubles broadcast(double value) { return value - Doubles{}; }

inline Floats fma(Floats a, Floats b, Floats c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Floats>(_mm512_fmadd_ps(a, b, c));
#elif defined(__FMA__)
  return reinterpret_cast<Floats>(_mm256_fmadd_ps(a, b, c));
#else
  return a * b + c;
#endif
}
inline Doubles fma(Doubles a, Doubles b, Doubles c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Doubles>(_mm512_fmadd_pd(a, b, c));
#elif defined(__FMA__)
  return reinterpret_cast<Doubles>(_mm256_fmadd_pd(a, b, c));
#else
  return a * b + c;
#endif
}

// NaN stays NaN.
inline Floats clamp(Floats v, float limit) {
#if defined(__AVX512F__)
  return reinterpret_cast<Floats>(_mm512_max_ps(_mm512_set1_ps(-limit), _mm512_min_ps(_mm512_set1_ps(limit), v)));
#else
  v = v > limit ? broadcast(limit) : v;
  return v < -limit ? broadcast(-limit) : v;
#endif
}

inline float square_root(float v) { return __builtin_sqrtf(v); }
inline double square_root(double v) { return __builtin_sqrt(v); }
inline Floats square_root(Floats v) {
  for (int i = 0; i < kFloats; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
}
inline Doubles square_root(Doubles v) {
  for (int i = 0; i < kDoubles; ++i) v[i] = __builtin_sqrt(v[i]);
  return v;
}

// The sum of all lanes, always in the same order: halves onto halves.
template <class Vector, class Scalar, int kLanes>
inline Scalar add_lanes(Vector v) {
  Scalar lanes[kLanes];
  __builtin_memcpy(lanes, &v, sizeof v);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}
inline float add_lanes(Floats v) {
#if defined(__AVX512F__)
  const __m256 eight =
      _mm256_add_ps(_mm512_castps512_ps256(v), _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)));
#elif defined(__AVX2__)
  const __m256 eight = v;
#endif
#if defined(__AVX2__)
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
#else
  return add_lanes<Floats, float, kFloats>(v);
#endif
}
inline double add_lanes(Doubles v) { return add_lanes<Doubles, double, kDoubles>(v); }

// How many lanes of a vector are in use: all, or the first `count` at the end of a row.
struct Full {};
struct Part {
  int count;
};

inline Floats keep(Floats v, Full) { return v; }
inline Doubles keep(Doubles v, Full) { return v; }
inline Floats keep(Floats v, Part part) {
  Ints lane;
  for (int i = 0; i < kFloats; ++i) lane[i] = i;
  return lane < part.count ? v : Floats{};
}
inline Doubles keep(Doubles v, Part part) {
  Longs lane;
  for (int i = 0; i < kDoubles; ++i) lane[i] = i;
  return lane < static_cast<int64_t>(part.count) ? v : Doubles{};
}

template <class Vector, class Scalar>
inline Vector load_part(const Scalar* from, int count) {
  Vector v{};
  for (int i = 0; i < count; ++i) v[i] = from[i];
  return v;
}

// How elements of each type are read into and written from the vectors that they are computed in.
struct Float32 {
  using Storage = float;
  using Wide = float;
  using Vector = Floats;
  static constexpr int kLanes = kFloats;
  static Vector load(const float* from, Full) {
    Vector v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
  }
  static void store(float* to, Vector v, Full) { __builtin_memcpy(to, &v, sizeof v); }
#if defined(__AVX512F__)
  static __mmask16 mask(Part part) { return static_cast<__mmask16>((1U << part.count) - 1U); }
  static Vector load(const float* from, Part part) {
    return reinterpret_cast<Vector>(_mm512_maskz_loadu_ps(mask(part), from));
  }
  static void store(float* to, Vector v, Part part) { _mm512_mask_storeu_ps(to, mask(part), v); }
#else
  static Vector load(const float* from, Part part) { return load_part<Vector>(from, part.count); }
  static void store(float* to, Vector v, Part part) {
    for (int i = 0; i < part.count; ++i) to[i] = v[i];
  }
#endif
  static void stream(float* to, Vector v) {
#if defined(__AVX512F__)
    _mm512_stream_ps(to, v);
#elif defined(__AVX2__)
    _mm256_stream_ps(to, v);
#elif defined(__x86_64__)
    _mm_stream_ps(to, v);
#else
    store(to, v, Full{});
#endif
  }
};

struct Float64 {
  using Storage = double;
  using Wide = double;
  using Vector = Doubles;
  static constexpr int kLanes = kDoubles;
  static Vector load(const double* from, Full) {
    Vector v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
  }
  static void store(double* to, Vector v, Full) { __builtin_memcpy(to, &v, sizeof v); }
  static Vector load(const double* from, Part part) { return load_part<Vector>(from, part.count); }
  static void store(double* to, Vector v, Part part) {
    for (int i = 0; i < part.count; ++i) to[i] = v[i];
  }
  static void stream(double* to, Vector v) { store(to, v, Full{}); }
};

struct BFloat16 {
  using Storage = uint16_t;
  using Wide = float;
  using Vector = Floats;
  static constexpr int kLanes = kFloats;
  static Vector widen(Halves h) { return reinterpret_cast<Vector>(__builtin_convertvector(h, Bits) << 16); }
  // Round to nearest, ties to even; NaN becomes torch's NaN.
  static Halves narrow(Vector v) {
    const Bits bits = reinterpret_cast<Bits>(v);
    const Bits rounded = (bits + (0x7fffU + ((bits >> 16) & 1U))) >> 16;
    return __builtin_convertvector(v == v ? rounded : rounded * 0U + 0x7fc0U, Halves);
  }
  static Vector load(const uint16_t* from, Full) {
    Halves h;
    __builtin_memcpy(&h, from, sizeof h);
    return widen(h);
  }
  static Vector load(const uint16_t* from, Part part) { return widen(load_part<Halves>(from, part.count)); }
  static void store(uint16_t* to, Vector v, Full) {
    const Halves h = narrow(v);
    __builtin_memcpy(to, &h, sizeof h);
  }
  static void store(uint16_t* to, Vector v, Part part) {
    const Halves h = narrow(v);
    for (int i = 0; i < part.count; ++i) to[i] = h[i];
  }
  static void stream(uint16_t* to, Vector v) {
#if defined(__AVX512F__)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(narrow(v)));
#else
    store(to, v, Full{});
#endif
  }
};

// The element type of parameters and sums beside data of type E.
template <int kBytes>
struct WideOf {
  using Element = Float32;
};
template <>
struct WideOf<8> {
  using Element = Float64;
};
template <class E>
using WideElement = typename WideOf<sizeof(typename E::Wide)>::Element;

// How many vectors a loop body works on at once: the long chains of a function's evaluation overlap then.
template <int kCount>
struct Together {
  static constexpr int kVectors = kCount;
};

// Calls body(offset, Full or Part, Together) for all of a row's n elements.
template <int kLanes, int kTogether, class Body>
inline void each_group(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kTogether * kLanes <= n; i += kTogether * kLanes) body(i, Full{}, Together<kTogether>{});
  for (; i + kLanes <= n; i += kLanes) body(i, Full{}, Together<1>{});
  if (i < n) body(i, Part{static_cast<int>(n - i)}, Together<1>{});
}

// Calls body(offset, Full or Part) for each vector of a row of n elements.
template <int kLanes, class Body>
inline void each_vector(int64_t n, Body body) {
  each_group<kLanes, 1>(n, [&](int64_t i, auto lanes, auto) { body(i, lanes); });
}

}  // namespace
}  // namespace autonorm::kernels
