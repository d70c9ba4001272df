#include "core/eval/loss.h"

#include <ATen/TensorOperators.h>

#include "core/norms/compute_dtype.h"

namespace autonorm::eval {

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing) {
  const norms::NoAutocast guard;
  const at::Tensor log_p = norms::to_compute(logits).log_softmax(-1);  // [B, K]
  // gather, not nll_loss: it has a batching rule under vmap.
  const at::Tensor nll = log_p.gather(1, labels.unsqueeze(1)).squeeze(1).neg();  // [B]
  if (label_smoothing == 0.0) return nll;
  return nll * (1.0 - label_smoothing) - log_p.mean(1) * label_smoothing;
}

at::Tensor squared_error(const at::Tensor& outputs, const at::Tensor& targets) {
  const norms::NoAutocast guard;
  return (norms::to_compute(outputs).squeeze(1) - targets).square();
}

at::Tensor distillation(const at::Tensor& student, const at::Tensor& teacher, double temperature) {
  const norms::NoAutocast guard;
  const at::Tensor log_student = (norms::to_compute(student) / temperature).log_softmax(-1);  // [B, K]
  const at::Tensor log_teacher = (norms::to_compute(teacher) / temperature).log_softmax(-1);  // [B, K]
  const at::Tensor divergence = (log_teacher.exp() * (log_teacher - log_student)).sum(-1);    // [B]
  return divergence * (temperature * temperature);
}

at::Tensor hard_distillation(const at::Tensor& student, const at::Tensor& teacher) {
  return cross_entropy(student, teacher.argmax(-1));
}

}  // namespace autonorm::eval
