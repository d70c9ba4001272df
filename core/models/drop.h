// Dropout (Srivastava et al. 2014) and stochastic depth (Huang et al. 2016), with noise that has an address: (seed,
// name; step, micro-batch, global sample), so a sample's noise does not depend on ranks or on resuming.
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>

#include "core/base/philox.h"
#include "core/norms/norm.h"

namespace autonorm::models {

// y = x ⊙ m / (1 − p) in training, m one Bernoulli(1 − p) draw per element. The element's number is a hash of the
// sample's 64-bit key: Philox for each element would cost as much as the layer before. The mask is made where x lies,
// with the same bits on every device (dropout_mask.h).
class Dropout {
 public:
  Dropout(uint64_t seed, std::string_view name, double p);
  // x [B, …] → likewise; x itself at evaluation and for p = 0
  at::Tensor operator()(const at::Tensor& x, const norms::StepContext& step) const;

 private:
  RandomStream stream_;
  double p_;
};

// Likewise with one draw per sample.
class DropPath {
 public:
  DropPath(uint64_t seed, std::string_view name, double p);
  at::Tensor operator()(const at::Tensor& x, const norms::StepContext& step) const;

 private:
  RandomStream stream_;
  double p_;
};

// Of block `index` of `depth`: linear from 0 to `last`.
double drop_path_rate(double last, int64_t index, int64_t depth);

}  // namespace autonorm::models
