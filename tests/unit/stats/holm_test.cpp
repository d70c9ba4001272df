#include "core/stats/holm.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/base/philox.h"

namespace autonorm::stats {
namespace {

using OptionalPs = std::vector<std::optional<double>>;

TEST(Holm, AdjustsAWorkedExample) {
  const OptionalPs p = {0.01, 0.04, 0.03, 0.005};
  const OptionalPs adjusted = holm(p);
  EXPECT_DOUBLE_EQ(*adjusted[0], 0.03);
  EXPECT_DOUBLE_EQ(*adjusted[1], 0.06);  // 1 · 0.04 is raised to its predecessor's 2 · 0.03
  EXPECT_DOUBLE_EQ(*adjusted[2], 0.06);
  EXPECT_DOUBLE_EQ(*adjusted[3], 0.02);
}

TEST(Holm, OneComparisonIsUnchanged) { EXPECT_EQ(holm(OptionalPs{0.03}), OptionalPs{0.03}); }

TEST(Holm, AbsentValuesStayAbsentAndDoNotCount) {
  EXPECT_EQ(holm(OptionalPs{std::nullopt, 0.02, std::nullopt}), (OptionalPs{std::nullopt, 0.02, std::nullopt}));
  EXPECT_TRUE(holm(OptionalPs{}).empty());
}

TEST(Holm, IsCutAtOne) { EXPECT_EQ(holm(OptionalPs{0.9, 0.8}), (OptionalPs{1.0, 1.0})); }

TEST(Holm, KeepsTheOrderAndNeverLowersAValue) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const RandomStream stream(seed, "test", "holm");
    OptionalPs p(1 + seed % 15);
    for (size_t i = 0; i < p.size(); ++i) p[i] = stream.uniform(i);
    const OptionalPs adjusted = holm(p);
    for (size_t i = 0; i < p.size(); ++i) {
      EXPECT_GE(*adjusted[i], *p[i]) << "seed " << seed;
      EXPECT_LE(*adjusted[i], 1.0) << "seed " << seed;
      for (size_t j = 0; j < p.size(); ++j) {
        const bool ordered = *p[i] >= *p[j] || *adjusted[i] <= *adjusted[j];
        EXPECT_TRUE(ordered) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace autonorm::stats
