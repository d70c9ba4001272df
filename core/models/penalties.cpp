#include "core/models/penalties.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <cmath>

#include "core/norms/compute_dtype.h"

namespace autonorm::models {

at::Tensor beyond_limit(const at::Tensor& x, double limit) {
  const norms::NoAutocast guard;
  const at::Tensor beyond = (norms::to_compute(x).abs() - limit).clamp_min(0);  // shape of x
  const at::Tensor count = (beyond.detach() > 0).sum().clamp_min(1);            // []
  return (beyond.sum() / count + beyond.amax()).reshape({1});
}

at::Tensor flat_attention(const at::Tensor& q, const at::Tensor& k) {
  const norms::NoAutocast guard;
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  const at::Tensor scores = at::matmul(norms::to_compute(q), norms::to_compute(k).transpose(-2, -1));  // [B, H, T, T]
  const at::Tensor peaks = at::softmax(scores * scale, -1).amax(-1);                                   // [B, H, T]
  const at::Tensor flat = (peaks.detach() < 0.5).to(peaks.scalar_type());                              // [B, H, T]
  return (((1.0 - peaks) * flat).sum() / flat.sum().clamp_min(1)).reshape({1});
}

}  // namespace autonorm::models
