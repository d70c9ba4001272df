// Adds up training losses on the device and brings the sums of all ranks to the host only when asked, together with
// what the ranks have to agree on at that moment: one collective and one synchronisation per log interval.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/distributed/gang.h"

namespace autonorm::train {

// One rank's wishes at a drain.
struct Wishes {
  bool stop_now = false;
  bool stop_at_checkpoint = false;
  bool checkpoint = false;
};
struct Drained {
  double loss_sum = 0;  // since the last drain, over the samples of all ranks
  Wishes any;           // whether any rank wished so
};

class LossMeter {
 public:
  LossMeter(distributed::Gang& gang, at::Device device);
  // loss_sum [] of this rank's samples; stays on the device.
  void add(const at::Tensor& loss_sum);
  // Every rank calls it at the same step.
  Drained drain(const Wishes& wishes);

 private:
  distributed::Gang& gang_;  // must outlive
  at::Tensor sums_;          // [4] float64: loss, then one count per wish
};

}  // namespace autonorm::train
