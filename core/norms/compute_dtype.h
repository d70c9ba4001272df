// One precision rule for all normalizers, so that an ablation compares functions and not roundings: inside a norm the
// arithmetic is float32 (float64 for float64 input), whatever autocast says; the output is cast once, to the input's
// dtype.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace autonorm::norms {

// x in the dtype that its norm computes in; no copy when it is there already.
inline at::Tensor to_compute(const at::Tensor& x) { return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat); }

// While it lives, autocast leaves the operators of this thread alone.
class NoAutocast {
 private:
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

}  // namespace autonorm::norms
