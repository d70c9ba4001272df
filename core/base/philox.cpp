#include "core/base/philox.h"

#include <charconv>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "core/base/sha256.h"
#include "core/base/text.h"

namespace autonorm {

PhiloxCounter philox4x32(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

RandomStream::RandomStream(uint64_t seed, std::string_view purpose, std::string_view name) {
  const std::string digest = sha256(cat(seed, '\n', purpose, '\n', name)).value();
  for (size_t i = 0; i < 2; ++i) {
    std::from_chars(digest.data() + 8 * i, digest.data() + 8 * (i + 1), key_[i], 16);
  }
}

uint32_t RandomStream::word(uint64_t index, uint32_t a, uint32_t b) const {
  const uint64_t block = index / 4;
  return philox4x32({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), a, b}, key_)[index % 4];
}

double RandomStream::uniform(uint64_t index, uint32_t a, uint32_t b) const {
  return (word(index, a, b) + 0.5) * 0x1p-32;
}

double RandomStream::normal(uint64_t index, uint32_t a, uint32_t b) const {
  const double radius = std::sqrt(-2.0 * std::log(uniform(2 * index, a, b)));
  return radius * std::cos(2.0 * std::numbers::pi * uniform(2 * index + 1, a, b));
}

std::vector<int64_t> RandomStream::permutation(int64_t n, uint32_t a, uint32_t b) const {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (int64_t i = n - 1; i > 0; --i) {
    const auto bound = static_cast<uint64_t>(i + 1);
    const uint64_t wide =
        (uint64_t{word(2 * static_cast<uint64_t>(i), a, b)} << 32) | word(2 * static_cast<uint64_t>(i) + 1, a, b);
    const auto j = static_cast<int64_t>((static_cast<unsigned __int128>(wide) * bound) >> 64);
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(j)]);
  }
  return order;
}

}  // namespace autonorm
