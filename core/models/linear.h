// Affine map  y = x · weightᵀ + bias  over the last dimension.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "core/norms/parameter_table.h"

namespace autonorm::models {

enum class LinearInit {
  kTruncatedNormal,  // weight truncated normal 0.02, bias 0 (timm's ViT)
  kUniformFanIn,     // weight and bias uniform ± 1/√in (torch's default)
  kUniformNoBias,    // weight uniform ± 1/√in, bias 0
  kXavier,           // weight uniform ± √(6 / (in + out)), bias 0
  kXavierConv,       // likewise, bias uniform ± 1/√in: a convolution whose weight alone was drawn anew
};

class Linear {
 public:
  // Registers "NAME.weight" [out, in] and, with `bias`, "NAME.bias" [out].
  Linear(norms::ParameterTable& table, std::string_view name, int64_t in, int64_t out, LinearInit init,
         bool bias = true);
  // x [..., in] → [..., out]
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  norms::ParameterSlot weight_, bias_;
};

}  // namespace autonorm::models
