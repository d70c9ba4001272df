// What every normalizer offers. forward: x [B, N, C] → y [B, N, C], same dtype; statistics at least in float32.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/config/trial_config.h"
#include "core/norms/parameter_table.h"

namespace autonorm::norms {

// The ranks of a trial, as far as a norm needs them. Every call is made by all ranks in the same order.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual void sum(at::Tensor& tensor) = 0;  // in place
};

// Where in training a forward pass happens. Sample indices are global (over ranks), so noise does not depend on
// sharding.
struct StepContext {
  bool training = true;
  int64_t step = 0;         // optimizer step, from 0; during evaluation the step it follows
  int64_t micro_batch = 0;  // within the step
  int64_t total_steps = 1;
  int64_t epoch = 0;  // of this step, from 0
  uint64_t seed = 0;
  // Global index of each sample of the batch: training → position in the global batch; evaluation → index in the split.
  // [B] on the host
  const std::vector<int64_t>* samples = nullptr;
  Ranks* ranks = nullptr;            // null during evaluation, and where one rank trains
  const at::Tensor* mask = nullptr;  // [B, N] bool, true = valid; null: all tokens are
  // Where a norm or block with a regularizer adds to the loss of each sample: undefined or [B] or [1]; null: nobody
  // asks.
  at::Tensor* penalty = nullptr;

  bool record = false;  // an evaluation whose inputs of norms are measured (NormSites)

  bool wants_penalty() const { return training && penalty != nullptr; }
  // REQUIRES wants_penalty(). `more`: [B] or [1]
  void add_penalty(const at::Tensor& more) const { *penalty = penalty->defined() ? penalty->add(more) : more; }
};

// What the evaluation of a norm does last: y = scale ⊙ core(x) + shift, channel by channel.
struct Fold {
  at::Tensor scale;  // [C]
  at::Tensor shift;  // [C]; undefined = 0
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
  // What bounds the values, of x [B, N, C], before the learned scale and shift: 1 and -1 are its ends. Undefined for a
  // norm that is not bounded so. The share that is near an end says how saturated a site is.
  virtual at::Tensor bounded(const at::Tensor& x) const {
    static_cast<void>(x);
    return {};
  }
  // What a following Linear can take over, as the values are now; the norm of folded_config (fold.h) computes the core.
  // nullopt: nothing. Does not own its tensors.
  virtual std::optional<Fold> fold() const { return std::nullopt; }
};

// What a norm with state from step to step registers (ParameterTable::add_stateful).
class Stateful {
 public:
  virtual ~Stateful() = default;
  // Whether every rank is to run every micro-batch, samples or not: because the training forward pass adds up over
  // ranks, or counts the micro-batches.
  virtual bool meets_in_forward() const { return false; }
  // Once per optimizer step on every rank: gradients are reduced over ranks, and neither clipped nor applied.
  virtual void gradients_ready(const StepContext& step) = 0;
};

// Builds the norm of a site; registers its parameters under the table's current scope. `site` names its noise stream.
std::unique_ptr<Norm> make_norm(const config::NormConfig& config, int64_t channels, const std::string& site,
                                ParameterTable& table);

}  // namespace autonorm::norms
