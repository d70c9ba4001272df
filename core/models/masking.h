// Random masking of patches (He et al. 2022): each sample has noise of its own, the patches with the least of it are
// kept. Addressed by (seed; step, micro-batch, global sample), so every step and every evaluation hides others,
// whatever the number of ranks.
#pragma once
#include <ATen/core/Tensor.h>

#include "core/base/philox.h"
#include "core/norms/norm.h"

namespace autonorm::models {

struct Mask {
  at::Tensor kept;     // [B, K] int64: patches in the order of their noise
  at::Tensor restore;  // [B, N] int64: place of each patch among the kept ones and then the hidden ones
  at::Tensor hidden;   // [B, N] of the parameters' dtype: 1 where hidden, else 0
};

class Masking {
 public:
  // Keeps ⌊patches · (1 − ratio)⌋.
  Masking(uint64_t seed, int64_t patches, double ratio);
  int64_t kept() const { return kept_; }
  Mask draw(const norms::StepContext& step, int64_t batch, const at::TensorOptions& like) const;

 private:
  RandomStream stream_;
  int64_t patches_, kept_;
};

}  // namespace autonorm::models
