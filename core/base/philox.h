// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11): a counter-based generator, and
// random streams addressed by name. Every random number of a trial comes from here: stream = hash(seed, purpose, name),
// the counter says which number. So a resumed or re-sharded trial needs no generator state.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace autonorm {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

// One block of four random words; ten rounds.
PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key);

// Purposes in use: "init" (name = parameter; counter = element), "order" (counter = epoch), "augment" (step,
// micro-batch, global sample), "droppath", "dropout", "gate" (name = site; step, micro-batch, global sample, element),
// "split", "token", "corruption" (name = kind; severity; sample and value).
class RandomStream {
 public:
  RandomStream(uint64_t seed, std::string_view purpose, std::string_view name);

  // Element `index` of the sequence selected by (a, b): a 32-bit word. Pure; thread-safe.
  uint32_t word(uint64_t index, uint32_t a = 0, uint32_t b = 0) const;
  // In (0, 1): (word + 0.5) / 2^32, as double; never 0 or 1.
  double uniform(uint64_t index, uint32_t a = 0, uint32_t b = 0) const;
  // Standard normal by Box–Muller over words 2·index and 2·index+1.
  double normal(uint64_t index, uint32_t a = 0, uint32_t b = 0) const;
  // A uniformly random permutation of 0…n-1 (Fisher–Yates, rejection-free 64-bit multiply-shift).
  std::vector<int64_t> permutation(int64_t n, uint32_t a = 0, uint32_t b = 0) const;

 private:
  PhiloxKey key_;
};

}  // namespace autonorm
