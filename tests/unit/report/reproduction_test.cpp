#include "coordinator/report/reproduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

using testing::HasSubstr;

ReportData first() {
  ReportData data{sample_head(), {}};
  for (uint64_t seed = 0; seed < 3; ++seed) data.trials.push_back(make_trial("AutoNorm", "digits", seed, 0.95));
  return data;
}
ReportData again() {
  ReportData data = first();
  for (TrialRow& row : data.trials) row.trial = TrialId(sha256("again" + row.trial.value()).value());
  return data;
}
Reproduction outcome_of(const ReportData& data) {
  return compare_reruns(first(), data, 0.005).value().trials[0].outcome;
}

TEST(Reproduction, EqualWeightsOrderAndValueAreBitExact) {
  const auto report = compare_reruns(first(), again(), 0.005).value();
  EXPECT_EQ(report.count(Reproduction::kBitExact), 3);
  EXPECT_THAT(reproduction_text(first(), report, false),
              HasSubstr("3 trained again: 3 bit-exact, 0 within ±0.005, 0 irreproducible"));
}

TEST(Reproduction, OtherWeightsNeedAValueWithinTheTolerance) {
  ReportData data = again();
  data.trials[0].own_facts["weights_sha256"] = "other";
  EXPECT_EQ(outcome_of(data), Reproduction::kWithinTolerance);
  data.trials[0].results["test/accuracy"] = 0.9549;
  EXPECT_EQ(outcome_of(data), Reproduction::kWithinTolerance);
  data.trials[0].results["test/accuracy"] = 0.9551;
  EXPECT_EQ(outcome_of(data), Reproduction::kIrreproducible);
}

TEST(Reproduction, AnotherBatchOrderIsNotBitExactAndIsNamed) {
  ReportData data = again();
  data.trials[0].own_facts["order_sha256"] = "other";
  const auto report = compare_reruns(first(), data, 0.005).value();
  EXPECT_EQ(report.trials[0].outcome, Reproduction::kWithinTolerance);
  EXPECT_EQ(report.trials[0].remark, "another batch order");
}

TEST(Reproduction, AnotherBuildOrOtherDataAreNamedWhateverCameOut) {
  ReportData original = first(), data = again();
  for (TrialRow& row : original.trials) row.own_facts.insert({{"build", "old"}, {"data_sha256", "d"}});
  for (TrialRow& row : data.trials) row.own_facts.insert({{"build", "new"}, {"data_sha256", "d"}});
  data.trials[1].own_facts["weights_sha256"] = "other";
  data.trials[1].own_facts["data_sha256"] = "e";
  const auto report = compare_reruns(original, data, 0.005).value();
  EXPECT_EQ(report.trials[0].outcome, Reproduction::kBitExact);
  EXPECT_EQ(report.trials[0].remark, "another build");
  EXPECT_EQ(report.trials[1].outcome, Reproduction::kWithinTolerance);
  EXPECT_EQ(report.trials[1].remark, "another build, other data");
}

TEST(Reproduction, AnotherEndIsIrreproducibleAndAFailureIsUnfinished) {
  ReportData data = again();
  data.trials[0].state = TrialState::kDiverged;
  data.trials[0].results.clear();
  EXPECT_EQ(outcome_of(data), Reproduction::kIrreproducible);
  data.trials[0].state = TrialState::kFailed;
  EXPECT_EQ(outcome_of(data), Reproduction::kUnfinished);
}

TEST(Reproduction, DivergingAgainIsTheSame) {
  ReportData original = first(), data = again();
  for (ReportData* side : {&original, &data}) {
    side->trials[0].state = TrialState::kDiverged;
    side->trials[0].results.clear();
  }
  EXPECT_EQ(compare_reruns(original, data, 0.005).value().trials[0].outcome, Reproduction::kBitExact);
}

TEST(Reproduction, ARowWithoutCounterpartIsRefused) {
  ReportData data = again();
  data.trials[0].seed = 99;
  EXPECT_FALSE(compare_reruns(first(), data, 0.005).ok());
}

}  // namespace
}  // namespace autonorm::report
