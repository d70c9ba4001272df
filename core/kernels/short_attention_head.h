// Softmax attention of one head over few tokens, forward and backward, in float32 on a CPU. For 17 tokens of 16
// channels a general matrix product costs more in its call than in its work; here a head's five products stay in the
// first-level cache and results go straight to where they belong.
//
//   P = softmax(scale · q kᵀ),  out = P v
//
// Pure functions on memory of the caller; may run on several threads at once with one workspace each.
#pragma once
#include <cstdint>

namespace autonorm::kernels {

struct HeadShape {
  int64_t tokens;         // T ≥ 1
  int64_t channels;       // d, a multiple of kHeadLanes
  int64_t input_stride;   // floats from a token's q (k, v) to the next token's
  int64_t output_stride;  // the same for out and its gradient
  float scale;

  // T rounded up to kHeadLanes: the row length of `probabilities`, whose last columns are zero.
  int64_t padded() const;
};

inline constexpr int64_t kHeadLanes = 8;  // floats of a 256-bit register

// Floats of workspace that either function needs.
int64_t head_workspace(const HeadShape& shape);

// q, k, v: [T, d] at input_stride; out: [T, d] at output_stride; probabilities: [T, padded()], kept for the backward
// pass.
void attend_head(const HeadShape& shape, const float* q, const float* k, const float* v, float* probabilities,
                 float* out, float* workspace);

// dout: [T, d] at output_stride; dq, dk, dv: [T, d] at input_stride, overwritten.
void attend_head_backward(const HeadShape& shape, const float* q, const float* k, const float* v,
                          const float* probabilities, const float* dout, float* dq, float* dk, float* dv,
                          float* workspace);

}  // namespace autonorm::kernels
