#include "coordinator/report/sweep_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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
    if (row.variant != "AutoNorm" || row.labels->at("data.name") != "digits") continue;
    row.trial = TrialId(sha256("later" + row.trial.value()).value());
    row.results["test/accuracy"] += 0.001 * static_cast<double>(1 + row.seed);
  }
  const auto pair = pair_sweeps(later, sample_sweep());
  ASSERT_TRUE(pair.ok());
  const Comparison comparison = compare(*pair);
  ASSERT_EQ(comparison.cells.size(), 1u);
  EXPECT_EQ(comparison.cells[0].labels.at(kPairedVariant), "AutoNorm");
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

TEST(SweepPair, RenamedVariantsOfTheSameTrialsAreFound) {
  ReportData later = later_sweep();
  for (TrialRow& row : later.trials) row.variant = "my " + row.variant;
  const auto pair = pair_sweeps(later, sample_sweep());
  ASSERT_TRUE(pair.ok()) << pair.status().message();
  EXPECT_TRUE(pair->trials.empty());
  ASSERT_EQ(pair->remarks.size(), 2u);
  EXPECT_THAT(pair->remarks[0], HasSubstr("10 cells in both: 10 hold the same trials (equal content hash), 0 differ"));
  EXPECT_THAT(pair->remarks[1], HasSubstr("my AutoNorm = AutoNorm"));
}

// Other trainings of the same configuration, e.g. on another kind of machine: compared though their names differ.
TEST(SweepPair, RenamedVariantsOfOneConfigurationAreCompared) {
  ReportData later = later_sweep();
  std::erase_if(later.trials, [](const TrialRow& row) { return row.variant != "Teacher"; });
  for (TrialRow& row : later.trials) {
    row.variant = "Big";
    row.trial = TrialId(sha256("later" + row.trial.value()).value());
  }
  const auto pair = pair_sweeps(later, sample_sweep());
  ASSERT_TRUE(pair.ok()) << pair.status().message();
  const Comparison comparison = compare(*pair);
  ASSERT_EQ(comparison.cells.size(), 2u);
  EXPECT_EQ(comparison.cells[0].labels.at(kPairedVariant), "Big");
  EXPECT_EQ(comparison.cells[0].rows.size(), 2u);
  EXPECT_EQ(comparison.cells[0].rows[0].metrics[0].paired.n, 2u);
}

TEST(SweepPair, ANameOfOtherContentDoesNotHideTheCellThatIsMeant) {
  ReportData later = later_sweep();
  for (TrialRow& row : later.trials) {
    if (row.variant == "Teacher")
      row.variant = "AutoNorm";
    else if (row.variant == "AutoNorm")
      row.variant = "Teacher";
  }
  const auto pair = pair_sweeps(later, sample_sweep());
  ASSERT_TRUE(pair.ok());
  EXPECT_THAT(pair->remarks[1], HasSubstr("AutoNorm = Teacher, Teacher = AutoNorm"));
}

TEST(SweepPair, RowsForMachinesSayWhichSideTheyAre) {
  ReportData later = later_sweep();
  for (TrialRow& row : later.trials) row.trial = TrialId(sha256("later" + row.trial.value()).value());
  const auto pair = pair_sweeps(later, sample_sweep());
  const auto json = nlohmann::json::parse(rendered(*pair, {Format::kJson}));
  EXPECT_EQ(json["rows"][0]["variant"], "later (sweep 4)");
  EXPECT_EQ(json["rows"][0][kPairedVariant], "AutoNorm");
  const std::string csv = rendered(*pair, {Format::kCsv});
  EXPECT_TRUE(csv.starts_with("sweep,sweep_name,variant,cell_variant,data.name,")) << csv.substr(0, 80);
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
  for (TrialRow& row : later.trials) {
    row.labels = with_label(row.labels, "data.name", "cifar10");
    row.trial = TrialId(sha256("later" + row.trial.value()).value());
    row.configuration = sha256("later" + *row.configuration).value();
  }
  EXPECT_THAT(pair_sweeps(later, sample_sweep()).status().message(), HasSubstr("have no cell in common"));
}

}  // namespace
}  // namespace autonorm::report
