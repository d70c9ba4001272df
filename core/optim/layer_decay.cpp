#include "core/optim/layer_decay.h"

#include <charconv>
#include <cmath>
#include <cstdint>

namespace autonorm::optim {
namespace {

int64_t layer_of(std::string_view name, int64_t depth) {
  constexpr std::string_view kBlocks = "blocks.";
  if (name.starts_with("patch_embed.") || name.starts_with("embed.") || name == "pos_embed" || name == "cls_token") {
    return 0;
  }
  if (!name.starts_with(kBlocks)) return depth + 1;
  int64_t block = 0;
  std::from_chars(name.data() + kBlocks.size(), name.data() + name.size(), block);
  return block + 1;
}

}  // namespace

double layer_rate(double decay, int64_t depth, std::string_view name) {
  return std::pow(decay, static_cast<double>(depth + 1 - layer_of(name, depth)));
}

}  // namespace autonorm::optim
