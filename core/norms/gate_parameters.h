// The learned numbers of a gate, and the rules that end their learning (normalization.md 8.5):
//   freeze_epoch    from this epoch on (the first is 0)
//   freeze_entropy  once the mean entropy of the gate over an optimizer step, all ranks together, is below this
//
// A frozen gate still answers to its input; its parameters have the values of the moment it froze. Those values are
// buffers: whatever an optimizer does to a parameter without gradient (momentum, weight decay), nobody sees. The
// decision is taken on the device.
//
// State  only with a rule: "frozen" [1] and "held.NAME" of each parameter. In checkpoints, so a resumed gate is as
// frozen. Ranks  one sum of two numbers per optimizer step with freeze_entropy
#pragma once
#include <ATen/core/Tensor.h>

#include <string_view>
#include <vector>

#include "core/norms/norm.h"

namespace autonorm::norms {

struct FreezeRule {
  int64_t epoch = 0;   // 0 = never
  double entropy = 0;  // nats; 0 = never
  bool exists() const { return epoch > 0 || entropy > 0; }
};

class GateParameters final : public Stateful {
 public:
  GateParameters(const FreezeRule& rule, ParameterTable& table);
  // Registers a parameter; returns its place for get().
  size_t add(std::string_view name, at::IntArrayRef shape, InitSpec init);
  at::Tensor get(size_t place) const;
  // Of one training forward pass: entropies [samples], nats.
  void note(const at::Tensor& entropies);
  void gradients_ready(const StepContext& step) override;
  bool has_rule() const { return rule_.exists(); }
  bool frozen() const { return frozen_ && frozen_.get().item<double>() > 0; }  // synchronises

 private:
  struct Held {
    ParameterSlot learned;
    BufferSlot held;
  };
  const FreezeRule rule_;
  ParameterTable& table_;
  std::vector<Held> all_;
  BufferSlot frozen_;       // [1] 0 or 1; empty without a rule
  at::Tensor entropy_sum_;  // [2] of this optimizer step: Σ entropy, samples; undefined before the first
};

}  // namespace autonorm::norms
