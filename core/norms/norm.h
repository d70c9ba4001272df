// What every normalizer offers. forward: x [B, N, C] → y [B, N, C], same dtype; statistics at least in float32.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/config/trial_config.h"
#include "core/norms/parameter_table.h"

namespace autonorm::norms {

// Where in training a forward pass happens. Sample indices are global (over ranks), so noise does not depend on
// sharding.
struct StepContext {
  bool training = true;
  int64_t step = 0;         // optimizer step, from 0; during evaluation the step it follows
  int64_t micro_batch = 0;  // within the step
  int64_t total_steps = 1;
  uint64_t seed = 0;
  // Global index of each sample of the batch: training → position in the global batch; evaluation → index in the split.
  // [B] on the host
  const std::vector<int64_t>* samples = nullptr;
};

class Norm {
 public:
  virtual ~Norm() = default;
  virtual at::Tensor forward(const at::Tensor& x, const StepContext& step) = 0;
  // Multiply-accumulates for one sample of `tokens` tokens, counted as the source projects do (thop): layer 4·C·N; see
  // models-and-recipes 3.
  virtual int64_t macs(int64_t tokens) const = 0;
  // What is worth recording about this site: gate means, alpha, … Host values; may synchronise; called once per
  // evaluation.
  virtual std::map<std::string, double> stats() const { return {}; }
};

// Builds the norm of a site; registers its parameters under the table's current scope. `site` names its noise stream.
std::unique_ptr<Norm> make_norm(const config::NormConfig& config, int64_t channels, const std::string& site,
                                ParameterTable& table);

}  // namespace autonorm::norms
