// No normalization:  y = x. The negative control of every study.
#pragma once
#include "core/norms/norm.h"

namespace autonorm::norms {

class Identity final : public Norm {
 public:
  at::Tensor forward(const at::Tensor& x, const StepContext&) override { return x; }
  int64_t macs(int64_t) const override { return 0; }
};

}  // namespace autonorm::norms
