#include "coordinator/report/failures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/report/render.h"
#include "core/base/text.h"

namespace autonorm::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TrialRow failed(int number, EndReason end, const std::string& reason) {
  TrialRow row;
  row.trial = TrialId(cat(std::string(60, 'a'), 1000 + number));
  row.variant = number % 2 == 0 ? "LayerNorm" : "RMSNorm";
  row.labels = Labels{{"data.name", "digits"}};
  row.seed = static_cast<uint64_t>(number);
  row.state = TrialState::kFailed;
  row.end = end;
  row.reason = reason;
  return row;
}

ReportData many_failures() {
  ReportData data;
  data.sweep.id = SweepId(1), data.sweep.name = "study", data.sweep.baseline = "LayerNorm";
  data.sweep.metric = "test/accuracy", data.sweep.variants = {"LayerNorm", "RMSNorm"};
  data.trials.push_back(failed(0, EndReason::kBadConfig, "no such optimizer"));
  for (int i = 1; i <= 37; ++i)
    data.trials.push_back(failed(i, EndReason::kTrainerCrashed, cat("SIGSEGV at step ", 100 * i, "\nmore")));
  return data;
}

TEST(Failures, IdenticalOnesAreCountedTogetherTheLargestGroupFirst) {
  const auto groups = failure_groups(many_failures());
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].count, 37);
  EXPECT_EQ(groups[0].text, "SIGSEGV at step 100");
  EXPECT_EQ(groups[0].end, EndReason::kTrainerCrashed);
  EXPECT_EQ(groups[1].count, 1);
}

TEST(Failures, ATrialUnderSeveralLabelsCountsOnce) {
  ReportData data = many_failures();
  data.trials.push_back(data.trials.back());
  data.trials.back().variant = "Twin";
  EXPECT_EQ(failure_groups(data)[0].count, 37);
}

TEST(Failures, TheOtherReasonIsAnotherGroup) {
  ReportData data = many_failures();
  data.trials[3].end = EndReason::kStalled;
  EXPECT_EQ(failure_groups(data).size(), 3U);
}

TEST(Failures, AReportSaysWhatFailedAndHowOften) {
  for (const Format format : {Format::kText, Format::kMarkdown, Format::kHtml}) {
    const auto text = render(many_failures(), {.format = format});
    ASSERT_TRUE(text.ok()) << text.status().message();
    EXPECT_THAT(*text, HasSubstr("failed: ×37 trainer")) << static_cast<int>(format);
    EXPECT_THAT(*text, HasSubstr("crashed: SIGSEGV at step 100, e.g. trial ")) << static_cast<int>(format);
  }
  const auto json = render(many_failures(), {.format = Format::kJson});
  ASSERT_TRUE(json.ok());
  EXPECT_THAT(*json, HasSubstr("\"count\": 37"));
}

TEST(Failures, WithoutFailuresNothingIsSaid) {
  ReportData data = many_failures();
  for (TrialRow& row : data.trials) row.state = TrialState::kSucceeded;
  EXPECT_EQ(failure_note(data), "");
  EXPECT_THAT(*render(data, {}), Not(HasSubstr("failed: ")));
}

TEST(Failures, ManyKindsAreCutShort) {
  ReportData data;
  for (int i = 0; i < 12; ++i)
    data.trials.push_back(failed(i, EndReason::kBadConfig, std::string(static_cast<size_t>(i) + 1, 'x')));
  EXPECT_THAT(failure_note(data), HasSubstr("; and 2 more kinds."));
}

}  // namespace
}  // namespace autonorm::report
