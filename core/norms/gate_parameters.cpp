#include "core/norms/gate_parameters.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "core/base/text.h"
#include "core/norms/rank_sum.h"

namespace autonorm::norms {

GateParameters::GateParameters(const FreezeRule& rule, ParameterTable& table) : rule_(rule), table_(table) {
  if (!rule_.exists()) return;
  table.add_stateful(*this);
  frozen_ = table.add_buffer("frozen", {1}, 0.0);
}

size_t GateParameters::add(std::string_view name, at::IntArrayRef shape, InitSpec init) {
  Held one{.learned = table_.add(name, shape, init), .held = {}};
  if (rule_.exists()) one.held = table_.add_buffer(cat("held.", name), shape, 0.0);
  all_.push_back(one);
  return all_.size() - 1;
}

at::Tensor GateParameters::get(size_t place) const {
  const Held& one = all_[place];
  return frozen_ ? at::where(frozen_.get() > 0, one.held.get(), one.learned.get()) : one.learned.get();
}

void GateParameters::note(const at::Tensor& entropies) {
  if (rule_.entropy <= 0) return;
  const at::NoGradGuard no_grad;
  const at::Tensor sum = entropies.detach().sum();
  const at::Tensor both = at::stack({sum, at::full_like(sum, static_cast<double>(entropies.numel()))});
  entropy_sum_ = entropy_sum_.defined() ? entropy_sum_ + both : both;
}

// Before the update: the values that this step's forward pass had are the ones that stay.
void GateParameters::gradients_ready(const StepContext& step) {
  const at::NoGradGuard no_grad;
  const at::Tensor& frozen = frozen_.get();
  at::Tensor now = at::full_like(frozen, rule_.epoch > 0 && step.epoch >= rule_.epoch ? 1.0 : 0.0);
  if (rule_.entropy > 0) {
    at::Tensor sums = entropy_sum_.defined() ? entropy_sum_ : at::zeros({2}, frozen.options());
    entropy_sum_.reset();
    if (several_ranks(step)) step.ranks->sum(sums);
    const at::Tensor decided =
        (sums.select(0, 1) > 0).logical_and(sums.select(0, 0) < sums.select(0, 1) * rule_.entropy);
    now = now.maximum(decided.to(now.scalar_type()));
  }
  const at::Tensor freezes = now > frozen;  // [1]
  for (const Held& one : all_) one.held.get().copy_(at::where(freezes, one.learned.get(), one.held.get()));
  frozen.copy_(frozen.maximum(now));
}

}  // namespace autonorm::norms
