#include "coordinator/report/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

using testing::HasSubstr;

TEST(Registration, NamesWhenAndWhatWasRegistered) {
  const Registration registration = registration_of(sample_sweep());
  EXPECT_TRUE(registration.registered);
  EXPECT_THAT(
      registration.text,
      HasSubstr("PRE-REGISTERED: metric, baseline, margin, alpha, seeds and cells as submitted 2026-05-01 10:10 "
                "UTC (sha256 "));
}

TEST(Registration, ResultsThatWereKnownBeforeMakeItPostHoc) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) row.ended_before = row.variant == "Teacher";
  EXPECT_EQ(registration_of(data).text,
            "POST HOC: 6 of 18 trials of the variants had ended before the sweep was submitted");
  data.sweep.extends_earlier = true;
  EXPECT_TRUE(registration_of(data).registered);
}

TEST(Registration, AKnownBaselineAloneDoesNot) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) row.ended_before = row.variant == "DisableSelector" || row.variant == "FrozenLN";
  EXPECT_TRUE(registration_of(data).registered);
}

TEST(Registration, KnownResultsThatWereReplacedMakeItPostHoc) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    if (row.variant == "Teacher" && row.labels->at("data.name") == "digits") row.trained_again_by = SweepId(7);
  }
  EXPECT_EQ(
      registration_of(data).text,
      "POST HOC: 3 of 24 trials were trained again by sweep 7 (submit --fresh) after their results were known, and "
      "the new results stand here");
  data.sweep.extends_earlier = true;
  EXPECT_FALSE(registration_of(data).registered);
  EXPECT_THAT(rendered(data, {.explain_cell = "Teacher/digits"}), HasSubstr("trained again by sweep: 7\n"));
}

TEST(Registration, WithoutARecordItIsPostHoc) {
  ReportData data = sample_sweep();
  data.sweep.content.clear();
  EXPECT_EQ(registration_of(data).text, "POST HOC: no registration is recorded");
}

TEST(Registration, ARerunForVerificationIsPostHoc) {
  ReportData data = sample_sweep();
  data.sweep.name = "norm-study (again, 1)";
  EXPECT_EQ(registration_of(data).text,
            "POST HOC: a re-run for verification, of trials that were chosen after they had finished");
}

TEST(Registration, SeedsThatWereCancelledMakeItPostHoc) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    if (row.seed == 2 && row.labels->at("data.name") == "digits") row.state = TrialState::kCancelled;
  }
  EXPECT_EQ(registration_of(data).text,
            "POST HOC: 4 of 24 planned trials were cancelled, perhaps because of what the others had shown");
}

}  // namespace
}  // namespace autonorm::report
