// The ranks of one trial. Every collective is called by all ranks in the same order, from the training thread.
// Failure (a lost peer, abort, deadline) is thrown as CollectiveAborted and caught at the trainer's edge.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace autonorm::distributed {

class CollectiveAborted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Averages gradients over ranks (c10d's default): a rank's loss is (sum over its samples) / (global count) × size, so
// that the average is the gradient of the global mean.
class GradientReducer {
 public:
  virtual ~GradientReducer() = default;
  // Before the forward pass of the last micro-batch of a step whose gradients are to be reduced; earlier micro-batches
  // accumulate locally.
  virtual void prepare_last_micro_batch() = 0;
  // After backward of the last micro-batch: every parameter's grad() holds the average over ranks. Also with 0 local
  // samples, when the caller has run backward of a zero loss that touches every trainable parameter.
  virtual void finish() = 0;
};

class Gang {
 public:
  virtual ~Gang() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  bool leads() const { return rank() == 0; }
  virtual void all_reduce_sum(at::Tensor& tensor) = 0;           // in place; rank order per element
  virtual void broadcast(at::Tensor& tensor, int root = 0) = 0;  // in place
  virtual void barrier() = 0;
  // `parameters`: leaves that require grad, the same list on all ranks. c10d::Reducer with bucket views; buckets are
  // rebuilt on GPU only.
  virtual std::unique_ptr<GradientReducer> make_reducer(const std::vector<at::Tensor>& parameters) = 0;
};

// One rank, no communication: reducer and collectives do nothing.
std::unique_ptr<Gang> make_single();

}  // namespace autonorm::distributed
