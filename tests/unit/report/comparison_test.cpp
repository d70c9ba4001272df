#include "coordinator/report/comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

VariantRow row_of(const Comparison& comparison, size_t cell, const std::string& variant) {
  for (const VariantRow& row : comparison.cells.at(cell).rows) {
    if (row.variant == variant) return row;
  }
  throw std::out_of_range("no row " + variant);
}

TrialRow& trial_of(ReportData& data, const std::string& variant, const std::string& data_set, uint64_t seed) {
  for (TrialRow& row : data.trials) {
    if (row.variant == variant && row.labels->at("data.name") == data_set && row.seed == seed) return row;
  }
  throw std::out_of_range("no trial of " + variant);
}

TEST(Comparison, PrimaryMetricComesFirst) {
  EXPECT_EQ(compare(sample_sweep()).metrics,
            (std::vector<std::string>{"test/accuracy", "model/parameters", "test/loss", "train/samples_per_s"}));
}

TEST(Comparison, RowsFollowTheSweepFile) {
  const Comparison comparison = compare(sample_sweep());
  ASSERT_EQ(comparison.cells.size(), 2u);
  std::vector<std::string> variants;
  for (const VariantRow& row : comparison.cells[0].rows) variants.push_back(row.variant);
  EXPECT_EQ(variants, sample_head().variants);
}

TEST(Comparison, PairsBySeedAndNotByPosition) {
  ReportData data = sample_sweep();
  std::ranges::reverse(data.trials);
  const MetricRow metric = row_of(compare(data), 1, "AutoNorm").metrics[0];  // reversed: mnist is the first cell
  EXPECT_EQ(metric.paired.n, 3u);
  EXPECT_NEAR(*metric.paired.delta, 0.01, 1e-15);
  EXPECT_NEAR(*metric.paired.sd, 0.0025, 1e-15);
}

TEST(Comparison, ASeedThatOnlyOneSideHasIsNoPair) {
  ReportData data = sample_sweep();
  trial_of(data, "DisableSelector", "digits", 1).state = TrialState::kFailed;
  const MetricRow metric = row_of(compare(data), 0, "AutoNorm").metrics[0];
  EXPECT_EQ(metric.summary.n, 3u);
  EXPECT_EQ(metric.paired.n, 2u);
  EXPECT_NEAR(*metric.paired.delta, 0.00875, 1e-15);
}

TEST(Comparison, BaselineIsNotComparedWithItself) {
  const VariantRow row = row_of(compare(sample_sweep()), 0, "DisableSelector");
  EXPECT_TRUE(row.is_baseline);
  EXPECT_EQ(row.metrics[0].paired.n, 0u);
  EXPECT_FALSE(row.metrics[0].p_holm);
}

TEST(Comparison, HolmRunsOverAllVariantsAndCellsOfThePrimaryMetric) {
  const Comparison comparison = compare(sample_sweep());
  EXPECT_EQ(comparison.family, 8);
  const MetricRow best = row_of(comparison, 0, "AutoNorm").metrics[0];
  EXPECT_DOUBLE_EQ(*best.p_holm, 8 * *best.paired.p);
  EXPECT_FALSE(row_of(comparison, 0, "AutoNorm").metrics[1].p_holm);
}

// A family that shrinks where seeds are lost or do not differ would make the other comparisons easier.
TEST(Comparison, HolmsFamilyCountsComparisonsWithoutAPToo) {
  ReportData data = sample_sweep();
  for (uint64_t seed = 0; seed < 3; ++seed) {
    trial_of(data, "RMSNorm, eps \"1e-6\"", "digits", seed).results["test/accuracy"] =
        0.25 + trial_of(data, "DisableSelector", "digits", seed).results["test/accuracy"];
    trial_of(data, "Teacher", "mnist", seed).state = TrialState::kFailed;
  }
  const Comparison comparison = compare(data);
  EXPECT_FALSE(row_of(comparison, 0, "RMSNorm, eps \"1e-6\"").metrics[0].p_holm);
  EXPECT_FALSE(row_of(comparison, 1, "Teacher").metrics[0].p_holm);
  EXPECT_FALSE(row_of(comparison, 1, "Teacher").metrics[0].p_equivalence_holm);
  EXPECT_EQ(comparison.family, 8);
  EXPECT_EQ(comparison.equivalence_family, 8);
  const MetricRow best = row_of(comparison, 0, "AutoNorm").metrics[0];
  EXPECT_DOUBLE_EQ(*best.p_holm, 8 * *best.paired.p);
}

TEST(Comparison, FurtherSeedsCountWhatTheDecidingTestNeeds) {
  const ReportData data = two_sides({0.0500, 0.0625, 0.0550});
  EXPECT_EQ(row_of(compare(data), 0, "Variant").metrics[0].verdict, Verdict::kBetter);
  for (const ReportOptions& options :
       {ReportOptions{.interval = IntervalMethod::kPermutation}, ReportOptions{.test = TestMethod::kSignFlip}}) {
    const MetricRow row = row_of(compare(data, options), 0, "Variant").metrics[0];
    EXPECT_EQ(row.verdict, Verdict::kUndecided);
    EXPECT_EQ(row.further_seeds, 3) << "6 pairs are the fewest whose sign flips reach .05";
  }
}

TEST(Comparison, SharedTrialsAreIdentical) {
  const VariantRow row = row_of(compare(sample_sweep()), 0, "FrozenLN");
  EXPECT_EQ(row.same_trials_as, "DisableSelector");
  EXPECT_TRUE(row.metrics[0].identical);
  EXPECT_EQ(row.metrics[0].paired.p, 1.0);
  EXPECT_EQ(row.metrics[0].paired.ci->low, 0.0);
  EXPECT_EQ(row.metrics[0].paired.ci->high, 0.0);
}

TEST(Comparison, VariantsThatShareTrialsWithoutTheBaselineNameEachOther) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    if (row.variant == "Teacher") {
      const TrialRow& twin = trial_of(data, "AutoNorm", row.labels->at("data.name"), row.seed);
      row.trial = twin.trial;
    }
  }
  EXPECT_EQ(row_of(compare(data), 0, "Teacher").same_trials_as, "AutoNorm");
  EXPECT_FALSE(row_of(compare(data), 0, "AutoNorm").same_trials_as);
}

TEST(Comparison, EqualResultsOfDifferentTrialsAreIdenticalToo) {
  ReportData data = sample_sweep();
  for (uint64_t seed = 0; seed < 3; ++seed) {
    trial_of(data, "AutoNorm", "digits", seed).results = trial_of(data, "DisableSelector", "digits", seed).results;
  }
  const VariantRow row = row_of(compare(data), 0, "AutoNorm");
  EXPECT_FALSE(row.same_trials_as);
  EXPECT_TRUE(row.metrics[0].identical);
}

TEST(Comparison, OneEqualPairIsNotYetIdentical) {
  ReportData data = sample_sweep();
  std::erase_if(data.trials, [](const TrialRow& row) { return row.seed != 0; });
  data.sweep.seeds = {0};
  trial_of(data, "AutoNorm", "digits", 0).results = trial_of(data, "DisableSelector", "digits", 0).results;
  const Comparison comparison = compare(data);
  EXPECT_FALSE(row_of(comparison, 0, "AutoNorm").metrics[0].identical);
  EXPECT_FALSE(row_of(comparison, 0, "AutoNorm").metrics[0].paired.p);
  EXPECT_TRUE(row_of(comparison, 0, "FrozenLN").metrics[0].identical);  // the very same trial
}

TEST(Comparison, CountsHowEachSeedEnded) {
  const Comparison comparison = compare(sample_sweep());
  const Counts diverged = row_of(comparison, 0, "Teacher").counts;
  EXPECT_EQ(diverged.succeeded, 2);
  EXPECT_EQ(diverged.diverged, 1);
  const Counts failed = row_of(comparison, 1, "Teacher").counts;
  EXPECT_EQ(failed.failed, 1);
  EXPECT_EQ(failed.planned, 3);
}

TEST(Comparison, SeedsWithoutATrialAreMissing) {
  ReportData data = sample_sweep();
  data.sweep.seeds = {0, 1, 2, 3, 4};
  const Counts counts = row_of(compare(data), 0, "AutoNorm").counts;
  EXPECT_EQ(counts.planned, 5);
  EXPECT_EQ(counts.missing, 2);
}

TEST(Comparison, CountsAddUpToThePlannedSeeds) {
  ReportData data = sample_sweep();
  for (size_t i = 0; i < data.trials.size(); ++i) data.trials[i].state = static_cast<TrialState>(i % 9);
  for (const CellTable& cell : compare(data).cells) {
    for (const VariantRow& row : cell.rows) {
      const Counts& c = row.counts;
      EXPECT_EQ(c.succeeded + c.failed + c.diverged + c.stopped + c.cancelled + c.missing, c.planned) << row.variant;
    }
  }
}

TEST(Comparison, ADivergedTrialCountsWithWhatItCarries) {
  ReportData data = sample_sweep();
  EXPECT_EQ(row_of(compare(data), 0, "Teacher").metrics[0].summary.n, 2u);
  EXPECT_EQ(row_of(compare(data), 0, "Teacher").metrics[1].summary.n, 3u);  // model/parameters
  trial_of(data, "Teacher", "digits", 2).results["test/accuracy"] = 0.1;
  EXPECT_EQ(row_of(compare(data), 0, "Teacher").metrics[0].summary.n, 3u);
}

TEST(Comparison, ResultsOfUnfinishedOrFailedTrialsAreNotUsed) {
  for (const TrialState state : {TrialState::kRunning, TrialState::kFailed, TrialState::kCancelled}) {
    ReportData data = sample_sweep();
    trial_of(data, "AutoNorm", "digits", 0).state = state;
    EXPECT_EQ(row_of(compare(data), 0, "AutoNorm").metrics[0].summary.n, 2u) << name(state);
  }
}

TEST(Comparison, NonFiniteResultsAreNotAveraged) {
  ReportData data = sample_sweep();
  trial_of(data, "AutoNorm", "digits", 0).results["test/accuracy"] = std::nan("");
  trial_of(data, "AutoNorm", "digits", 1).results["test/accuracy"] = std::numeric_limits<double>::infinity();
  const MetricRow metric = row_of(compare(data), 0, "AutoNorm").metrics[0];
  EXPECT_EQ(metric.summary.n, 1u);
  EXPECT_DOUBLE_EQ(*metric.summary.mean, 0.955);
}

TEST(Comparison, UncleanPairsStayPairedAndAreCounted) {
  const VariantRow row = row_of(compare(sample_sweep()), 1, "AutoNorm");
  EXPECT_EQ(row.pairing.pairs, 3);
  EXPECT_EQ(row.pairing.unclean, 1);
  EXPECT_EQ(row.metrics[0].paired.n, 3u);
}

TEST(Comparison, AnotherBatchOrderMakesAPairUnclean) {
  ReportData data = sample_sweep();
  trial_of(data, "RMSNorm, eps \"1e-6\"", "digits", 0).own_facts["order_sha256"] = "other";
  EXPECT_EQ(row_of(compare(data), 0, "RMSNorm, eps \"1e-6\"").pairing.unclean, 1);
}

TEST(Comparison, ParametersThatOnlyOneSideHasDoNotMakeAPairUnclean) {
  ReportData data = sample_sweep();
  trial_of(data, "AutoNorm", "digits", 0).initial =
      TextList{{"head.weight [10, 64]", "head-0"}, {"norm.gate.weight [2, 64]", "gate"}};
  EXPECT_EQ(row_of(compare(data), 0, "AutoNorm").pairing.unclean, 0);
}

// Trials of one seed share a list; equal lists need not be one.
TEST(Comparison, PairsAreJudgedByWhatTheirListsSay) {
  const TextList same = {{"head.bias [10]", "b"}, {"head.weight [10, 64]", "w"}};
  const TextList other = {{"head.weight [10, 64]", "another"}, {"zoom.weight [64]", "z"}};
  const Shared<TextList> shared = same, different = other;
  ReportData data = sample_sweep();
  const auto unclean = [&](const Shared<TextList>& ours, const Shared<TextList>& theirs) {
    for (TrialRow& row : data.trials) row.initial = row.variant == "AutoNorm" ? ours : theirs;
    return row_of(compare(data), 0, "AutoNorm").pairing.unclean;
  };
  EXPECT_EQ(unclean(shared, shared), 0);
  EXPECT_EQ(unclean(shared, same), 0);
  EXPECT_EQ(unclean(shared, different), row_of(compare(data), 0, "AutoNorm").pairing.pairs);
  EXPECT_EQ(unclean(different, shared), row_of(compare(data), 0, "AutoNorm").pairing.pairs);
  EXPECT_EQ(unclean(shared, TextList()), 0);
}

TEST(Comparison, PairsWithoutHashesAreUnchecked) {
  ReportData data = sample_sweep();
  trial_of(data, "AutoNorm", "digits", 0).common_facts = {};
  const Pairing pairing = row_of(compare(data), 0, "AutoNorm").pairing;
  EXPECT_EQ(pairing.unclean, 0);
  EXPECT_EQ(pairing.unchecked, 1);
}

TEST(Comparison, ACellWithoutTheBaselineHasNoComparisons) {
  ReportData data = sample_sweep();
  std::erase_if(data.trials, [](const TrialRow& row) {
    return row.variant == "DisableSelector" && row.labels->at("data.name") == "mnist";
  });
  const Comparison comparison = compare(data);
  EXPECT_FALSE(comparison.cells[1].has_baseline);
  EXPECT_FALSE(row_of(comparison, 1, "AutoNorm").metrics[0].paired.delta);
  EXPECT_EQ(comparison.family, 4);
}

TEST(Comparison, TrialsUnderSeveralLabelsCountOnce) {
  const Comparison comparison = compare(sample_sweep());
  EXPECT_EQ(comparison.trials, 24);  // 30 labels, 6 of them shared
  EXPECT_EQ(comparison.finished, 24);
}

TEST(Comparison, LabelKeysFollowTheMatrix) {
  ReportData data = sample_sweep();
  data.sweep.matrix_keys = {"train.lr", "data.name"};
  for (TrialRow& row : data.trials) row.labels = with_label(row.labels, "train.lr", "0.001");
  EXPECT_EQ(label_keys_of(data), (std::vector<std::string>{"train.lr", "data.name"}));
  EXPECT_EQ(cell_name(data.trials[0].labels, label_keys_of(data)), "train.lr=0.001, data.name=digits");
}

}  // namespace
}  // namespace autonorm::report
