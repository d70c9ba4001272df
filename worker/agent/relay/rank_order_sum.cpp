#include "worker/agent/relay/rank_order_sum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace autonorm::agent {
namespace {

using worker::RelayDtype;

// Elements summed at a time: small enough for the first-level cache, and it lets `out` alias a contribution.
constexpr size_t kBlock = 1024;

struct BFloat16 {
  uint16_t bits;
};
float widen(BFloat16 value) { return std::bit_cast<float>(uint32_t{value.bits} << 16); }
BFloat16 round_to_nearest_even(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (value != value) return {static_cast<uint16_t>((bits >> 16) | 0x40)};  // a quiet NaN stays one
  return {static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

// How T is held while summing. Unsigned integers wrap without undefined behaviour.
template <class T>
struct Accumulator {
  using Type = T;
  static Type load(T value) { return value; }
  static T store(Type value) { return value; }
};
template <>
struct Accumulator<BFloat16> {
  using Type = float;
  static Type load(BFloat16 value) { return widen(value); }
  static BFloat16 store(Type value) { return round_to_nearest_even(value); }
};

template <class T>
void sum_typed(size_t count, std::span<const std::byte* const> contributions, std::byte* out) {
  using Sum = Accumulator<T>;
  std::array<typename Sum::Type, kBlock> sums;
  std::array<T, kBlock> rounded;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t n = std::min(kBlock, count - begin);
    const auto block = [&](size_t rank) { return reinterpret_cast<const T*>(contributions[rank]) + begin; };
    for (size_t i = 0; i < n; ++i) sums[i] = Sum::load(block(0)[i]);
    for (size_t rank = 1; rank < contributions.size(); ++rank) {
      const T* values = block(rank);
      for (size_t i = 0; i < n; ++i) sums[i] += Sum::load(values[i]);
    }
    for (size_t i = 0; i < n; ++i) rounded[i] = Sum::store(sums[i]);
    std::memcpy(out + begin * sizeof(T), rounded.data(), n * sizeof(T));
  }
}

}  // namespace

void sum_in_rank_order(RelayDtype dtype, size_t count, std::span<const std::byte* const> contributions,
                       std::byte* out) {
  switch (dtype) {
    case RelayDtype::kFloat32:
      return sum_typed<float>(count, contributions, out);
    case RelayDtype::kFloat64:
      return sum_typed<double>(count, contributions, out);
    case RelayDtype::kBFloat16:
      return sum_typed<BFloat16>(count, contributions, out);
    case RelayDtype::kInt32:
      return sum_typed<uint32_t>(count, contributions, out);
    case RelayDtype::kInt64:
      return sum_typed<uint64_t>(count, contributions, out);
    case RelayDtype::kUInt8:
      return sum_typed<uint8_t>(count, contributions, out);
  }
}

}  // namespace autonorm::agent
