// Sums over the ranks of a trial, inside the graph: what synchronised statistics are made of.
#pragma once
#include <ATen/core/Tensor.h>

#include "core/norms/norm.h"

namespace autonorm::norms {

// The statistics of a norm over the batch: over all ranks, or of each rank by itself as if it were alone.
inline StepContext scope_of(const StepContext& step, config::Statistics statistics) {
  StepContext scope = step;
  if (statistics != config::Statistics::kSynchronised) scope.ranks = nullptr;
  return scope;
}

inline bool several_ranks(const StepContext& step) { return step.ranks != nullptr && step.ranks->size() > 1; }

// Σ over ranks of x; x itself where there is one rank. Its gradient is the sum over ranks of the gradients, so backward
// is a collective too. Not for vmap: a collective has no batching rule.
at::Tensor sum_over_ranks(const at::Tensor& x, const StepContext& step);

// x [C] of each rank, stacked: [ranks, C]; [1, C] where there is one rank. Differentiable.
at::Tensor gather_over_ranks(const at::Tensor& x, const StepContext& step);

// Makes state that each rank moved by itself equal on all: the mean over ranks, or what rank 0 has, as `statistics`
// says; nothing where they are synchronised. One collective for all tensors, outside the graph.
void agree_on_state(const std::vector<at::Tensor>& tensors, config::Statistics statistics, const StepContext& step);

}  // namespace autonorm::norms
