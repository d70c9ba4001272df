// The random numbers of a gate. Addressed by (seed, site; step, micro-batch, global sample, branch), so that a sample's
// noise is the same on one rank or eight, in the first attempt or a resumed one. Made on the host: a few words per
// sample.
#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "core/base/philox.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

class GateNoise {
 public:
  GateNoise(uint64_t seed, const std::string& site) : stream_(seed, "gate", site) {}

  // For each position of a sample (its tokens or channels; 1 = the sample itself). [batch, positions, branches] float64
  // on CPU. Standard Gumbel draws −log(−log U):
  at::Tensor gumbel(const StepContext& step, int64_t batch, int64_t positions, int64_t branches) const;
  // Uniform on the simplex; for two branches (a, 1 − a) with a ~ U(0, 1):
  at::Tensor simplex(const StepContext& step, int64_t batch, int64_t positions, int64_t branches) const;

 private:
  RandomStream stream_;
};

}  // namespace autonorm::norms
