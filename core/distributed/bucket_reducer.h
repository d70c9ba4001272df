// c10d::Reducer behind GradientReducer. Its constructor differs between torch versions (12 arguments in 2.11).
#pragma once
#include <memory>
#include <optional>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <vector>

#include "core/distributed/gang.h"

namespace autonorm::distributed {

class BucketReducer final : public GradientReducer {
 public:
  // Checks over the group that all ranks pass parameters of the same number and shapes. Throws c10::Error or
  // CollectiveAborted.
  BucketReducer(std::vector<at::Tensor> parameters, c10::intrusive_ptr<c10d::ProcessGroup> group, bool rebuild_buckets);

  void prepare_last_micro_batch() override;
  void finish() override;

 private:
  void build();

  const std::vector<at::Tensor> parameters_;
  const c10::intrusive_ptr<c10d::ProcessGroup> group_;
  const bool rebuild_buckets_;
  std::optional<c10d::Reducer> reducer_;
  int reductions_ = 0;  // by this reducer_
};

}  // namespace autonorm::distributed
