#include "core/norms/affine.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/zeros_like.h>

#include "core/norms/value_stats.h"

namespace autonorm::norms {

Affine::Affine(ParameterTable& table, int64_t channels, Parts parts) {
  if (parts == Parts::kNone) return;
  weight_ = table.add("weight", {channels}, {Init::kOnes});
  if (parts == Parts::kWeightAndBias) bias_ = table.add("bias", {channels}, {Init::kZeros});
}

at::Tensor Affine::operator()(const at::Tensor& h) const {
  if (!weight_) return h;
  return bias_ ? at::addcmul(bias_.get(), weight_.get(), h) : weight_.get() * h;
}

std::optional<at::Tensor> Affine::weight() const { return weight_ ? std::optional(weight_.get()) : std::nullopt; }

std::optional<at::Tensor> Affine::bias() const { return bias_ ? std::optional(bias_.get()) : std::nullopt; }

void Affine::add_stats(std::map<std::string, double>& stats) const {
  if (weight_) add_value_stats(stats, "weight", weight_.get());
  if (bias_) add_value_stats(stats, "bias", bias_.get());
}

Fold Affine::after(const at::Tensor& offset, const at::Tensor& factor) const {
  const at::NoGradGuard no_grad;
  const at::Tensor scale = weight_ ? factor * weight_.get() : factor;
  at::Tensor shift = offset.defined() ? offset * scale : at::zeros_like(scale);
  return {.scale = scale, .shift = bias_ ? shift + bias_.get() : shift};
}

std::optional<Fold> Affine::fold() const {
  if (!weight_) return std::nullopt;
  return Fold{.scale = weight_.get(), .shift = bias_ ? bias_.get() : at::Tensor()};
}

}  // namespace autonorm::norms
