// Multiply-accumulates of single layers, as the source projects count them (the conventions of thop): a bias costs
// nothing, an element-wise function or product costs nothing, a statistic-based normalization costs 2 per element and 4
// with learned scale.
#pragma once
#include <cstdint>

namespace autonorm::norms {

constexpr int64_t linear_macs(int64_t in, int64_t out, int64_t rows) { return in * out * rows; }
constexpr int64_t normalization_macs(int64_t channels, int64_t tokens, bool affine) {
  return (affine ? 4 : 2) * channels * tokens;
}
// Mean over the tokens: `tokens` additions and one division per channel.
constexpr int64_t pool_macs(int64_t channels, int64_t tokens) { return channels * (tokens + 1); }

}  // namespace autonorm::norms
