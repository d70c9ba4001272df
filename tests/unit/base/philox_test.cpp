#include "core/base/philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace autonorm {
namespace {

// Known-answer vectors of Random123 (kat_vectors, philox4x32 with 10 rounds).
TEST(Philox, ReproducesRandom123OfZeros) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
}

TEST(Philox, ReproducesRandom123OfOnes) {
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Philox, ReproducesRandom123OfPi) {
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, IsAPureFunctionOfItsAddress) {
  const RandomStream stream(7, "init", "head.weight");
  const RandomStream again(7, "init", "head.weight");
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(stream.word(99 - i), again.word(99 - i)) << "index " << i;
}

TEST(RandomStream, EveryPartOfTheAddressMatters) {
  const RandomStream stream(7, "init", "head.weight");
  const uint32_t word = stream.word(5, 1, 2);
  EXPECT_NE(word, RandomStream(8, "init", "head.weight").word(5, 1, 2));
  EXPECT_NE(word, RandomStream(7, "order", "head.weight").word(5, 1, 2));
  EXPECT_NE(word, RandomStream(7, "init", "head.bias").word(5, 1, 2));
  EXPECT_NE(word, stream.word(6, 1, 2));
  EXPECT_NE(word, stream.word(5, 2, 2));
  EXPECT_NE(word, stream.word(5, 1, 3));
  EXPECT_NE(stream.word(5), stream.word(5 + (uint64_t{1} << 34)));  // the upper half of the block number
}

TEST(RandomStream, PurposeAndNameDoNotRunTogether) {
  EXPECT_NE(RandomStream(1, "a", "bc").word(0), RandomStream(1, "ab", "c").word(0));
  EXPECT_NE(RandomStream(1, "2a", "b").word(0), RandomStream(12, "a", "b").word(0));
}

TEST(RandomStream, UniformLiesInsideTheUnitIntervalAndIsEven) {
  const RandomStream stream(1, "test", "uniform");
  constexpr int kDraws = 100'000, kBins = 10;
  std::array<int, kBins> bins{};
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double u = stream.uniform(i);
    ASSERT_GT(u, 0.0);
    ASSERT_LT(u, 1.0);
    ++bins[static_cast<size_t>(u * kBins)];
  }
  // Chi-square with 9 degrees of freedom: 33.7 is its 99.99 % point.
  double chi2 = 0;
  const double expected = static_cast<double>(kDraws) / kBins;
  for (const int count : bins) chi2 += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi2, 33.7);
}

TEST(RandomStream, NormalHasTheMomentsOfANormal) {
  const RandomStream stream(1, "test", "normal");
  constexpr int kDraws = 100'000;
  double sum = 0, squares = 0, fourth = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double z = stream.normal(i);
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
  }
  // Four standard errors: 1/sqrt(n), sqrt(2/n), sqrt(96/n).
  EXPECT_NEAR(sum / kDraws, 0, 4 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 1, 4 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(fourth / kDraws, 3, 4 * std::sqrt(96.0 / kDraws));
}

TEST(Permutation, HoldsEachNumberOnce) {
  for (int64_t n = 0; n < 200; ++n) {
    auto order = RandomStream(static_cast<uint64_t>(n), "order", "").permutation(n);
    std::vector<int64_t> expected(static_cast<size_t>(n));
    std::iota(expected.begin(), expected.end(), int64_t{0});
    std::ranges::sort(order);
    EXPECT_EQ(order, expected) << "n = " << n;
  }
}

TEST(Permutation, DependsOnTheEpochAndRepeats) {
  const RandomStream stream(3, "order", "");
  EXPECT_EQ(stream.permutation(1000, 4), stream.permutation(1000, 4));
  EXPECT_NE(stream.permutation(1000, 4), stream.permutation(1000, 5));
}

TEST(Permutation, EachOrderIsEquallyLikely) {
  const RandomStream stream(1, "order", "");
  constexpr int kDraws = 24'000;
  std::map<std::vector<int64_t>, int> counts;
  for (uint32_t i = 0; i < kDraws; ++i) ++counts[stream.permutation(4, i)];
  EXPECT_EQ(counts.size(), 24u);
  // Chi-square with 23 degrees of freedom: 58.6 is its 99.995 % point.
  double chi2 = 0;
  for (const auto& [order, count] : counts) chi2 += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi2, 58.6);
}

}  // namespace
}  // namespace autonorm
