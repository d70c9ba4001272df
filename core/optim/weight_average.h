// A running average of the trainable weights (Polyak & Juditsky 1992, with exponential forgetting):
//   after update t (from 1)  a ← d a + (1 − d) p,  d = train.ema, with the ramp at most (1 + t) / (10 + t)
// It begins as the initial weights: without the ramp .9999 still holds 82 % of them after 2,000 updates. Buffers
// (running statistics, windows, counters, the held values of a frozen gate) are not averaged; the average is evaluated
// with those of the moment.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/config/trial_config.h"
#include "core/norms/parameter_table.h"
#include "core/optim/named_tensor.h"

namespace autonorm::optim {

class WeightAverage {
 public:
  // Takes the tensors that `table` holds now, so after to_device(). Keeps nothing when train.ema is 0.
  WeightAverage(const config::TrainConfig& config, const norms::ParameterTable& table);

  bool on() const { return !averages_.empty(); }
  // After update `step` (from 1) of the weights. Does not synchronise with the device.
  void update(int64_t step);

  // Calls body() while the model's weights are the averages and those that learn are put aside; just body() without
  // averages. After an exception of body() the weights stay exchanged: the trial is over then.
  template <class Body>
  void in_place(Body body) {
    swap();
    body();
    swap();
  }
  // The model's weights become the averages, for good.
  void adopt();

  // In table order.
  const std::vector<NamedTensor>& averages() const { return averages_; }

 private:
  void swap();

  const double decay_;
  const config::EmaStart start_;
  std::vector<at::Tensor> weights_;  // the model's
  std::vector<at::Tensor> values_;   // of averages_
  std::vector<NamedTensor> averages_;
};

}  // namespace autonorm::optim
