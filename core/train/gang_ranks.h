// A gang as norms see it.
#pragma once
#include "core/distributed/gang.h"
#include "core/norms/norm.h"

namespace autonorm::train {

class GangRanks final : public norms::Ranks {
 public:
  explicit GangRanks(distributed::Gang& gang) : gang_(gang) {}  // must outlive the object
  int rank() const override { return gang_.rank(); }
  int size() const override { return gang_.size(); }
  void sum(at::Tensor& tensor) override { gang_.all_reduce_sum(tensor); }

 private:
  distributed::Gang& gang_;
};

}  // namespace autonorm::train
