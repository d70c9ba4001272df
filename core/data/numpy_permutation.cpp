#include "core/data/numpy_permutation.h"

#include <bit>
#include <numeric>
#include <random>
#include <utility>

namespace autonorm::data {

std::vector<int64_t> numpy_permutation(uint32_t seed, int64_t count) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 words(seed);
  for (size_t last = order.size(); last-- > 1;) {
    const auto limit = static_cast<uint32_t>(last);
    const auto mask = static_cast<uint32_t>((uint64_t{1} << std::bit_width(limit)) - 1);
    uint32_t place = 0;
    do {
      place = static_cast<uint32_t>(words()) & mask;
    } while (place > limit);
    std::swap(order[last], order[place]);
  }
  return order;
}

}  // namespace autonorm::data
