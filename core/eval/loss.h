// Losses, one value per sample: the caller sums and divides by the global count. All arithmetic in
// float32 (float64 for float64 logits), whatever autocast says.
#pragma once
#include <ATen/core/Tensor.h>

namespace autonorm::eval {

// Cross entropy against (1 − s)·onehot(label) + s/K:  −(1 − s)·log p_label − (s/K)·Σ_k log p_k.
// logits [B, K], labels [B] int64 in [0, K) → [B]
at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing = 0.0);

// Knowledge distillation (Hinton, Vinyals, Dean 2015):  T² · KL(softmax(teacher/T) ‖ softmax(student/T)).
// student, teacher [B, K] → [B]
at::Tensor distillation(const at::Tensor& student, const at::Tensor& teacher, double temperature);

// Hard distillation (Touvron et al. 2021, DeiT): cross entropy against argmax_k teacher_k, without smoothing.
// student, teacher [B, K] → [B]
at::Tensor hard_distillation(const at::Tensor& student, const at::Tensor& teacher);

// (output − target)². outputs [B, 1], targets [B] → [B]
at::Tensor squared_error(const at::Tensor& outputs, const at::Tensor& targets);

}  // namespace autonorm::eval
