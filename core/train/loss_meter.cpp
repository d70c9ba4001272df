#include "core/train/loss_meter.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

namespace autonorm::train {
namespace {

enum Slot : int64_t { kLoss, kStopNow, kStopAtCheckpoint, kCheckpoint, kSlots };

}  // namespace

LossMeter::LossMeter(distributed::Gang& gang, at::Device device)
    : gang_(gang), sums_(at::zeros({kSlots}, at::TensorOptions(at::kDouble).device(device))) {}

void LossMeter::add(const at::Tensor& loss_sum) {
  const at::NoGradGuard no_grad;
  sums_.select(0, kLoss).add_(loss_sum.detach());
}

Drained LossMeter::drain(const Wishes& wishes) {
  const at::NoGradGuard no_grad;
  if (wishes.stop_now) sums_.select(0, kStopNow).fill_(1.0);
  if (wishes.stop_at_checkpoint) sums_.select(0, kStopAtCheckpoint).fill_(1.0);
  if (wishes.checkpoint) sums_.select(0, kCheckpoint).fill_(1.0);
  gang_.all_reduce_sum(sums_);
  const at::Tensor host = sums_.cpu();
  const auto* value = host.const_data_ptr<double>();
  const Drained drained{.loss_sum = value[kLoss],
                        .any = {.stop_now = value[kStopNow] > 0,
                                .stop_at_checkpoint = value[kStopAtCheckpoint] > 0,
                                .checkpoint = value[kCheckpoint] > 0}};
  sums_.zero_();
  return drained;
}

}  // namespace autonorm::train
