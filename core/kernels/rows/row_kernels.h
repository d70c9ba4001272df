// The CPU kernels of the fused norms: raw pointers, no torch. One instance per instruction set; pick one with
// row_kernels(). A kernel works on the rows [first, last) of its arguments, in order, on the calling thread.
//
// A row is computed by the same operations wherever it stands and whatever its neighbours are. The sums over rows that
// a backward pass needs go into the caller's `sums`, added in the order of the rows.
#pragma once
#include <cstdint>

namespace autonorm::kernels {

enum class RowElement { kFloat32, kBFloat16, kFloat64 };
// Pointers to `void` below are of the element type ("data") or of the type that it computes in ("wide": float for
// float32 and bfloat16, double for float64). All arrays are contiguous. Parameters that may be null are not learned:
// weight 1, bias 0.

enum class Squash { kTanh, kErf };

// layer: y = (x − μ) · rstd ⊙ weight + bias, rstd = 1 / √(σ² + eps).  rms (not centered): μ = 0, σ² = mean square.
struct LayerForward {
  RowElement type = RowElement::kFloat32;
  bool centered = true;
  // y bypasses the caches; for results that would not stay there anyway. Its rows begin at multiples of 64 bytes then.
  bool stream = false;
  int64_t channels = 0;
  double eps = 0;
  const void* x = nullptr;       // [rows, C] data
  const void* weight = nullptr;  // [C] wide or null
  const void* bias = nullptr;    // [C] wide or null
  void* y = nullptr;             // [rows, C] data
  void* mean = nullptr;          // [rows] wide; null when not centered
  void* rstd = nullptr;          // [rows] wide
};

struct LayerBackward {
  RowElement type = RowElement::kFloat32;
  bool centered = true;
  bool stream = false;
  int64_t channels = 0;
  const void* dy = nullptr;
  const void* x = nullptr;
  const void* mean = nullptr;
  const void* rstd = nullptr;
  const void* weight = nullptr;
  void* dx = nullptr;
};
// sums: [2][C] wide, added to: dweight, dbias.

// y = weight ⊙ f(alpha · x + shift) + bias, f = tanh (dyt) or erf (derf).
struct SquashForward {
  RowElement type = RowElement::kFloat32;
  Squash squash = Squash::kTanh;
  bool stream = false;
  int64_t channels = 0;
  const void* x = nullptr;
  const void* alpha = nullptr;  // [1] wide
  const void* shift = nullptr;  // [1] wide; null: 0
  const void* weight = nullptr;
  const void* bias = nullptr;
  void* y = nullptr;
};

struct SquashBackward {
  RowElement type = RowElement::kFloat32;
  Squash squash = Squash::kTanh;
  bool stream = false;
  int64_t channels = 0;
  const void* dy = nullptr;
  const void* x = nullptr;
  const void* alpha = nullptr;
  const void* shift = nullptr;
  const void* weight = nullptr;
  void* dx = nullptr;
};
// sums: [2][C] + [2] wide, added to: dweight, dbias, dalpha, dshift.

// y = w₀ · dyt(x) + w₁ · layer(x); w belongs to a sample of `rows_per_sample` rows.
struct BlendForward {
  RowElement type = RowElement::kFloat32;
  bool stream = false;
  int64_t channels = 0;
  int64_t rows_per_sample = 1;
  double eps = 0;
  const void* x = nullptr;
  const void* gate = nullptr;   // [samples, 2] wide
  const void* alpha = nullptr;  // [1] wide
  const void* dyt_weight = nullptr;
  const void* dyt_bias = nullptr;
  const void* layer_weight = nullptr;
  const void* layer_bias = nullptr;
  void* y = nullptr;
  void* mean = nullptr;
  void* rstd = nullptr;
};

struct BlendBackward {
  RowElement type = RowElement::kFloat32;
  bool stream = false;
  int64_t channels = 0;
  int64_t rows_per_sample = 1;
  const void* dy = nullptr;
  const void* x = nullptr;
  const void* mean = nullptr;
  const void* rstd = nullptr;
  const void* gate = nullptr;
  const void* alpha = nullptr;
  const void* dyt_weight = nullptr;
  const void* dyt_bias = nullptr;
  const void* layer_weight = nullptr;
  const void* layer_bias = nullptr;
  void* dx = nullptr;
  void* row_gate = nullptr;  // [rows, 2] wide, written: added up over a sample's rows, the gate's gradient
};
// sums: [kBlendSums][C] + [1] wide, 0 at first: d dyt_weight, d dyt_bias, d layer_weight, d layer_bias, then the
// kernel's own (SampleSums), last dalpha.
inline constexpr int kBlendRowsTogether = 2;
inline constexpr int64_t kBlendSums = 4 + 5 + kBlendRowsTogether;

struct RowKernels {
  const char* capability;  // as at::get_cpu_capability() calls it
  void (*layer_forward)(const LayerForward&, int64_t first, int64_t last);
  void (*layer_backward)(const LayerBackward&, int64_t first, int64_t last, void* sums);
  void (*squash_forward)(const SquashForward&, int64_t first, int64_t last);
  void (*squash_backward)(const SquashBackward&, int64_t first, int64_t last, void* sums);
  void (*blend_forward)(const BlendForward&, int64_t first, int64_t last);
  void (*blend_backward)(const BlendBackward&, int64_t first, int64_t last, void* sums);
};

extern const RowKernels kRowKernelsDefault;
#if defined(__x86_64__)
extern const RowKernels kRowKernelsAvx2;
extern const RowKernels kRowKernelsAvx512;
#endif

}  // namespace autonorm::kernels
