#include "coordinator/report/verdict.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "coordinator/report/comparison.h"
#include "core/base/philox.h"
#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

Evidence evidence(double delta, double p, std::optional<double> p_equivalence = std::nullopt) {
  Evidence out;
  const std::array differences = {delta - 0.001, delta, delta + 0.001};
  out.paired = stats::compare_paired(differences, 0.05);
  out.ci = p < 0.05 ? stats::Interval{delta - std::abs(delta) / 2, delta + std::abs(delta) / 2}
                    : stats::Interval{delta - 1, delta + 1};
  out.p_adjusted = p;
  out.p_equivalence_adjusted = p_equivalence;
  return out;
}

TEST(Verdict, FollowsTheAdjustedPAndTheDirectionOfTheMetric) {
  EXPECT_EQ(verdict_of(evidence(0.01, 0.01)), Verdict::kBetter);
  EXPECT_EQ(verdict_of(evidence(-0.01, 0.01)), Verdict::kWorse);
  EXPECT_EQ(verdict_of(evidence(0.01, 0.2)), Verdict::kUndecided);
  Evidence loss = evidence(0.01, 0.01);
  loss.higher_is_better = false;
  EXPECT_EQ(verdict_of(loss), Verdict::kWorse);
}

TEST(Verdict, ASmallPIsNotEnoughWhenTheIntervalHoldsZero) {
  Evidence wide = evidence(0.01, 0.01);
  wide.ci = stats::Interval{-0.01, 0.03};
  EXPECT_EQ(verdict_of(wide), Verdict::kUndecided);
  wide.ci.reset();
  EXPECT_EQ(verdict_of(wide), Verdict::kUndecided);
}

TEST(Verdict, EquivalenceNeedsItsOwnAdjustedP) {
  EXPECT_EQ(verdict_of(evidence(0.0001, 0.9, 0.01)), Verdict::kEquivalent);
  EXPECT_EQ(verdict_of(evidence(0.0001, 0.9, 0.06)), Verdict::kUndecided);
}

TEST(Verdict, AnUnstableVariantIsNeverBetterOrEquivalentButMayBeWorse) {
  Evidence item = evidence(0.01, 0.01, 0.01);
  item.less_stable = true;
  EXPECT_EQ(verdict_of(item), Verdict::kLessStable);
  item = evidence(-0.01, 0.01);
  item.less_stable = true;
  EXPECT_EQ(verdict_of(item), Verdict::kWorse);
}

TEST(Verdict, AVariantThatLostSeedsWhichTheBaselineFinishedMayOnlyBeWorse) {
  Evidence item = evidence(0.01, 0.01, 0.01);
  item.selected = true;
  EXPECT_EQ(verdict_of(item), Verdict::kUndecided);
  item = evidence(-0.01, 0.01);
  item.selected = true;
  EXPECT_EQ(verdict_of(item), Verdict::kWorse);
}

TEST(Verdict, OnePairLeavesItUndecided) {
  Evidence item;
  EXPECT_EQ(verdict_of(item), Verdict::kUndecided);
  item.paired = stats::compare_paired(std::array{0.5}, 0.05);
  EXPECT_EQ(verdict_of(item), Verdict::kUndecided);
  item.less_stable = true;
  EXPECT_EQ(verdict_of(item), Verdict::kLessStable);
}

TEST(Verdict, EqualDifferencesLeaveItUndecided) {
  Evidence item;
  item.paired = stats::compare_paired(std::array{0.5, 0.5, 0.5}, 0.05);
  EXPECT_EQ(verdict_of(item), Verdict::kUndecided);
  EXPECT_FALSE(further_seeds(item.paired, 0.1, 0.05, 1));
}

TEST(FurtherSeeds, FallWithTheEffectAndRiseWithTheFamily) {
  const auto weak = stats::compare_paired(std::array{-0.5, 1.5, 1.0, -0.2}, 0.05);
  const auto strong = stats::compare_paired(std::array{0.5, 1.5, 1.0, 0.2}, 0.05);
  EXPECT_GT(*further_seeds(weak, 0, 0.05, 1), *further_seeds(strong, 0, 0.05, 1));
  EXPECT_GT(*further_seeds(weak, 0, 0.05, 10), *further_seeds(weak, 0, 0.05, 1));
  EXPECT_FALSE(further_seeds(stats::compare_paired(std::array{-1.0, 1.0}, 0.05), 0, 0.05, 1));  // no difference at all
}

TEST(FurtherSeeds, AWideMarginIsReachedByEquivalence) {
  const auto paired = stats::compare_paired(std::array{-1.0, 1.0, 0.5, -0.5}, 0.05);
  EXPECT_TRUE(further_seeds(paired, 1, 0.05, 1));
}

constexpr int kSweeps = 4000, kSeeds = 10;

// Null sweeps in which one side loses the worst 30 % of its seeds.
std::map<Verdict, int> verdicts_when_unstable(const std::string& unstable) {
  std::map<Verdict, int> verdicts;
  for (uint64_t sweep = 0; sweep < kSweeps; ++sweep) {
    const RandomStream stream(sweep, "test", "divergence");
    std::vector<double> gains(kSeeds);
    ReportData data = two_sides(gains);
    for (TrialRow& row : data.trials) {
      const double noise = stream.normal(2 * row.seed + (row.variant == "Base" ? 0 : 1));
      row.results["test/accuracy"] = noise;
      if (row.variant == unstable && noise < -0.524) diverge(row);  // the worst 30 % of a normal distribution
    }
    const Comparison comparison = compare(data);
    for (const VariantRow& row : comparison.cells[0].rows) ++verdicts[row.metrics[0].verdict];
  }
  return verdicts;
}

// A variant equal to its baseline whose worst results diverge must not come out better more often than alpha / 2.
TEST(Verdict, DivergenceOfTheWorstSeedsIsNotRewarded) {
  auto verdicts = verdicts_when_unstable("Variant");
  EXPECT_LE(verdicts[Verdict::kBetter], 0.025 * kSweeps);
  EXPECT_GT(verdicts[Verdict::kLessStable], 0.9 * kSweeps);
}

// Nor must the variant come out worse because its baseline's worst results diverge.
TEST(Verdict, DivergenceOfTheBaselinesWorstSeedsIsNotHeldAgainstTheVariant) {
  auto verdicts = verdicts_when_unstable("Base");
  EXPECT_LE(verdicts[Verdict::kWorse], 0.025 * kSweeps);
  EXPECT_LE(verdicts[Verdict::kBetter], 0.025 * kSweeps);
}

}  // namespace
}  // namespace autonorm::report
