// Layer-wise learning-rate decay (BEiT; as the MAE repository finetunes):  rate of a parameter = decay^(L + 1 − layer),
// L blocks; layer 0: patch embedding, positions, cls token; block i: i + 1; what comes after the blocks: L + 1, rate 1.
#pragma once
#include <cstdint>
#include <string_view>

namespace autonorm::optim {

// Of the parameter of this name in a ViT of `depth` blocks.
double layer_rate(double decay, int64_t depth, std::string_view name);

}  // namespace autonorm::optim
