#include "tests/soak/damage.h"

#include "core/base/text.h"

namespace autonorm::soak {

void for_each_damage(const std::string& whole, int64_t flips, const RandomStream& random,
                     const std::function<void(const std::string& what, const std::string& bytes)>& visit) {
  for (size_t percent = 0; percent < 100; ++percent)
    visit(cat("cut to ", percent, " %"), whole.substr(0, whole.size() * percent / 100));
  for (int64_t flip = 0; flip < flips; ++flip) {
    const auto draw = static_cast<uint64_t>(flip) * 2;
    const size_t byte = random.word(draw) % whole.size();
    const uint32_t bit = random.word(draw + 1) % 8;
    std::string bytes = whole;
    bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << bit));
    visit(cat("bit ", bit, " of byte ", byte, " turned over"), bytes);
  }
}

}  // namespace autonorm::soak
