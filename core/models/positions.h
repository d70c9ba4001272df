// Fixed positions of tokens.
#pragma once
#include <ATen/core/Tensor.h>

namespace autonorm::models {

// The MAE repository's 2-D positions: half of the channels for the column, half for the row, each sin(p·ω) and then
// cos(p·ω), ω_i = 10000^(−i / (dim / 4)). → [rows · columns, dim] float64. REQUIRES dim % 4 == 0.
at::Tensor sincos_positions(int64_t rows, int64_t columns, int64_t dim);

// Vaswani et al. 2017: sin(t · 10000^(−2⌊c/2⌋ / dim)) in even channels c, cos in odd ones. → [tokens, dim] float64
at::Tensor sinusoid_positions(int64_t tokens, int64_t dim);

}  // namespace autonorm::models
