#include "coordinator/report/sweep_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/report/comparison.h"
#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

using testing::HasSubstr;

ReportData later_sweep() {
  ReportData data = sample_sweep();
  data.sweep.id = SweepId(4);
  data.sweep.name = "later";
  return data;
}

TEST(SweepPair, SweepsOfTheSameTrialsHaveNothingToCompare) {
  const auto pair = pair_sweeps(later_sweep(), sample_sweep());
  ASSERT_TRUE(pair.ok());
  EXPECT_TRUE(pair->trials.empty());
  EXPECT_THAT(pair->remarks.front(),
              HasSubstr("10 cells in both: 10 hold the same trials (equal content hash), 0 differ"));
}

TEST(SweepPair, CellsOfOtherTrialsArePairedBySeed) {
  ReportData later = later_sweep();
  for (TrialRow& row : later.trials) {
    if (row.variant != "AutoNorm" || row.labels.at("data.name") != "digits") continue;
    row.trial = TrialId(sha256("later" + row.trial.value()).value());
    row.results["test/accuracy"] += 0.001 * static_cast<double>(1 + row.seed);
  }
  const auto pair = pair_sweeps(later, sample_sweep());
  ASSERT_TRUE(pair.ok());
  const Comparison comparison = compare(*pair);
  ASSERT_EQ(comparison.cells.size(), 1u);
  EXPECT_EQ(comparison.cells[0].labels.at("variant"), "AutoNorm");
  const VariantRow& row = comparison.cells[0].rows[0];
  EXPECT_EQ(row.variant, "later (sweep 4)");
  EXPECT_EQ(row.metrics[0].paired.n, 3u);
  EXPECT_NEAR(*row.metrics[0].paired.delta, 0.002, 1e-12);
  EXPECT_TRUE(comparison.cells[0].rows[1].is_baseline);
}

TEST(SweepPair, CountsWhatOnlyOneSweepHas) {
  ReportData later = later_sweep();
  std::erase_if(later.trials, [](const TrialRow& row) { return row.variant == "Teacher"; });
  const auto pair = pair_sweeps(later, sample_sweep());
  EXPECT_THAT(pair->remarks.front(), HasSubstr("only in sweep 4: 0, only in sweep 3: 2"));
}

// The first sweep of two databases has the same number and often the same name.
TEST(SweepPair, SidesOfTwoDatabasesAreToldApart) {
  ReportData other = sample_sweep();
  other.sweep.origin = "/backups/june.db";
  for (TrialRow& row : other.trials) row.trial = TrialId(sha256("other" + row.trial.value()).value());
  const auto pair = pair_sweeps(sample_sweep(), other);
  ASSERT_TRUE(pair.ok());
  EXPECT_EQ(pair->sweep.variants,
            (std::vector<std::string>{"norm-study (sweep 3)", "norm-study (sweep 3 of /backups/june.db)"}));
}

TEST(SweepPair, WithoutACommonCellItIsRefused) {
  ReportData later = later_sweep();
  for (TrialRow& row : later.trials) row.labels["data.name"] = "cifar10";
  EXPECT_THAT(pair_sweeps(later, sample_sweep()).status().message(), HasSubstr("have no cell in common"));
}

}  // namespace
}  // namespace autonorm::report
