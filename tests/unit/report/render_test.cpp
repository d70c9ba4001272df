#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "coordinator/report/document.h"
#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr Format kFormats[] = {Format::kText,     Format::kCsv,   Format::kJson,
                               Format::kMarkdown, Format::kLatex, Format::kHtml};

TEST(Render, EveryFormatEndsInANewline) {
  for (const Format format : kFormats) {
    for (const bool trials : {false, true}) {
      for (const ReportData& data : {sample_sweep(), unfinished_sweep(), ReportData{sample_head(), {}}, ReportData{}}) {
        EXPECT_TRUE(rendered(data, {format, trials}).ends_with("\n"));
      }
    }
  }
}

TEST(Render, NeverShowsNan) {
  ReportData data = unfinished_sweep();
  for (TrialRow& row : data.trials) row.results["train/loss"] = std::nan("");
  for (const Format format : kFormats) {
    for (const bool trials : {false, true}) EXPECT_THAT(rendered(data, {format, trials}), Not(HasSubstr("nan")));
  }
}

TEST(Render, CountsSeedsThatDidNotSucceed) {
  const std::string text = rendered(sample_sweep(), {});
  EXPECT_THAT(text, HasSubstr("2/3 †1 diverged"));
  EXPECT_THAT(text, HasSubstr("2/3 †1 failed"));
  EXPECT_THAT(text, HasSubstr("3/3 "));
}

TEST(Render, FootnotesNameTestLevelCorrectionAndUncleanPairs) {
  ReportData data = sample_sweep();
  data.sweep.alpha = 0.01;
  const std::string text = rendered(data, {});
  EXPECT_THAT(text, HasSubstr("99 % CI: paired Student t. p: paired Student t-test, two-sided"));
  EXPECT_THAT(text, HasSubstr("p (Holm): corrected over the 8 comparisons of test/accuracy"));
  EXPECT_THAT(text, HasSubstr("unclean pairs: 1 of 22"));
}

// Four clear wins, and each side lost one other seed.
TEST(Render, AWithheldVerdictIsExplained) {
  ReportData data{sample_head(), {}};
  data.sweep.variants = {"Base", "Variant"};
  data.sweep.baseline = "Base";
  data.sweep.seeds = {0, 1, 2, 3, 4, 5};
  for (const uint64_t seed : data.sweep.seeds) {
    for (const std::string side : {"Base", "Variant"}) {
      const double gain = side == "Base" ? 0 : 0.05 + 0.001 * static_cast<double>(seed);
      data.trials.push_back(make_trial(side, "digits", seed, 0.9 + gain));
      if (seed != (side == "Base" ? 0u : 1u)) continue;
      data.trials.back().state = TrialState::kDiverged;
      data.trials.back().results.clear();
    }
  }
  const std::string text = rendered(data, {});
  EXPECT_THAT(text, HasSubstr("undecided\n"));
  EXPECT_THAT(text, Not(HasSubstr("better\n")));
  EXPECT_THAT(text, HasSubstr("undecided in spite of its p: seeds that the variant lost and the baseline finished "
                              "(Variant on data.name=digits 1)"));
}

TEST(Render, SeedsThatNeverMeetAreNamed) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    const bool drops = row.labels.at("data.name") == "digits" &&
                       (row.variant == "AutoNorm" ? row.seed == 2 : row.variant == "DisableSelector" && row.seed != 2);
    if (drops) row.results.clear();
  }
  const std::string text = rendered(data, {});
  EXPECT_THAT(text, HasSubstr("no pairs: AutoNorm on data.name=digits; Teacher on data.name=digits: no seed has a "
                              "value on both sides, so nothing is "
                              "compared."));
}

TEST(Render, AVariantWhoseSeedsAllFailedIsCountedAndNotCompared) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    if (row.variant != "AutoNorm") continue;
    row.state = TrialState::kFailed;
    row.results.clear();
  }
  const std::string text = rendered(data, {});
  EXPECT_THAT(text, HasSubstr("AutoNorm             0/3 †3 failed    0       –       –"));
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

// Another training with equal values: [0, 0] is what the formula gives for three seeds, not certainty.
TEST(Render, EqualResultsOfOtherTrialsHaveAFootnote) {
  ReportData data = sample_sweep();
  EXPECT_THAT(rendered(data, {}), Not(HasSubstr("every difference is exactly 0")));
  for (TrialRow& row : data.trials) {
    if (row.variant != "FrozenLN") continue;
    row.trial = TrialId(sha256("other" + row.trial.value()).value());
  }
  const std::string text = rendered(data, {});
  EXPECT_THAT(text,
              HasSubstr("identical: every difference is exactly 0, although other trials were trained (FrozenLN on "
                        "data.name=digits: 3 of 3; FrozenLN on data.name=mnist: 3 of 3)"));
}

TEST(Render, UnfinishedSweepsAreMarkedInterim) {
  EXPECT_THAT(rendered(unfinished_sweep(), {}), HasSubstr("interim: 16 of 24 trials finished"));
  EXPECT_THAT(rendered(unfinished_sweep(), {Format::kMarkdown}), HasSubstr("interim: 16 of 24 trials finished"));
  EXPECT_THAT(rendered(sample_sweep(), {}), Not(HasSubstr("interim")));
  EXPECT_TRUE(nlohmann::json::parse(rendered(unfinished_sweep(), {Format::kJson}))["sweep"]["interim"].get<bool>());
}

TEST(Render, RowsForMachinesSayWhatTheyStandOn) {
  const auto first_row = [](const ReportData& data, const Selection& selection) {
    ReportOptions options{Format::kJson};
    options.selection = selection;
    return nlohmann::json::parse(rendered(data, options))["rows"][0];
  };
  EXPECT_EQ(first_row(sample_sweep(), {})["registration"], "pre-registered");
  EXPECT_EQ(first_row(sample_sweep(), {})["interim"], false);
  EXPECT_EQ(first_row(unfinished_sweep(), {.alpha = 0.1})["registration"], "post hoc");
  EXPECT_EQ(first_row(unfinished_sweep(), {})["interim"], true);
  EXPECT_THAT(rendered(unfinished_sweep(), {Format::kCsv}), HasSubstr(",registration,interim\r\n"));
}

TEST(Render, TheShareOfPairsAboveTheBaselineStandsInEveryTable) {
  for (const Format format : {Format::kText, Format::kMarkdown, Format::kHtml, Format::kLatex}) {
    const std::string text = rendered(sample_sweep(), {format});
    const std::string heading = format == Format::kHtml    ? "P(&gt; baseline)"
                                : format == Format::kLatex ? "P($>$ baseline)"
                                                           : "P(> baseline)";
    EXPECT_THAT(text, HasSubstr(heading));
  }
  EXPECT_THAT(rendered(sample_sweep(), {}), HasSubstr("+4.00           1.00  undecided"));
}

// Of a metric that is not in the catalogue nobody knows which way is good.
TEST(Render, AMetricOfUnknownDirectionGetsNumbersWithoutAVerdict) {
  ReportData data = sample_sweep();
  data.sweep.margin = 0;
  for (TrialRow& row : data.trials) {
    if (!row.results.empty())
      row.results["own/score"] = row.variant == "AutoNorm" ? 2.0 + 0.001 * static_cast<double>(row.seed) : 1.0;
  }
  ReportOptions options;
  options.selection = {.metric = "own/score"};
  const std::string text = rendered(data, options);
  EXPECT_THAT(text, Not(HasSubstr("  better\n")));
  EXPECT_THAT(text, HasSubstr("  no verdict\n"));
  EXPECT_THAT(text, HasSubstr("no verdict: whether more of own/score is better or worse is not known"));
}

TEST(Render, ShorterTrainingIsBetter) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    if (row.results.empty()) continue;
    row.results["train/seconds"] =
        (row.variant == "AutoNorm" ? 2.0 : 9.0) + 0.01 * static_cast<double>(row.seed * row.seed * row.variant.size());
  }
  ReportOptions options;
  options.selection = {.metric = "train/seconds"};
  EXPECT_THAT(rendered(data, options), ContainsRegex("AutoNorm [^\n]* better\n"));
}

TEST(Render, AnEmptySelectionSaysSo) {
  const ReportData empty{sample_head(), {}};
  EXPECT_THAT(rendered(empty, {}), HasSubstr("no trials: nothing of this sweep is selected"));
  EXPECT_THAT(rendered(empty, {Format::kJson}), HasSubstr("no trials: nothing of this sweep is selected"));
  EXPECT_TRUE(rendered(empty, {Format::kCsv}).starts_with("sweep,sweep_name,variant,"));
}

TEST(Render, ColourOnlyWhenAsked) {
  EXPECT_THAT(rendered(sample_sweep(), {Format::kText, false, true}), HasSubstr("\x1b["));
  for (const Format format : kFormats) EXPECT_THAT(rendered(sample_sweep(), {format}), Not(HasSubstr("\x1b")));
}

TEST(Render, JsonHasFullPrecision) {
  ReportData data = sample_sweep();
  data.trials[0].results["test/accuracy"] = 0.1 + 0.2;
  const auto json = nlohmann::json::parse(rendered(data, {Format::kJson, true}));
  EXPECT_EQ(json["trials"][0]["test/accuracy"].get<double>(), 0.1 + 0.2);
}

TEST(Render, JsonHasNullForWhatIsAbsent) {
  const auto json = nlohmann::json::parse(rendered(sample_sweep(), {Format::kJson}));
  for (const auto& row : json["rows"]) {
    if (row["variant"] != "DisableSelector") continue;
    EXPECT_TRUE(row["delta"].is_null());
    EXPECT_TRUE(row["p"].is_null());
  }
}

TEST(Render, LargeSeedsKeepTheirDigits) {
  ReportData data = sample_sweep();
  data.trials[0].seed = 18446744073709551615u;
  for (const Format format : kFormats) EXPECT_THAT(rendered(data, {format, true}), HasSubstr("18446744073709551615"));
}

TEST(Render, FactsThatShareAColumnNameGetAPrefix) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) row.facts["device"] = "AMD EPYC";
  const std::string csv = rendered(data, {Format::kCsv, true});
  EXPECT_THAT(csv.substr(0, csv.find('\r')), HasSubstr(",fact.device,"));
}

TEST(Render, ExcludedVariantsLeaveNoRow) {
  ReportData data = sample_sweep();
  std::erase_if(data.trials, [](const TrialRow& row) { return row.variant == "Teacher"; });
  for (const Format format : {Format::kText, Format::kCsv, Format::kMarkdown}) {
    EXPECT_THAT(rendered(data, {format}), Not(HasSubstr("Teacher")));
  }
}

TEST(Render, InvalidUtf8IsReplacedInJson) {
  ReportData data = sample_sweep();
  data.trials[0].worker = "host-\xff";
  EXPECT_NO_THROW(nlohmann::json::parse(rendered(data, {Format::kJson, true})));
}

TEST(Render, AMissingBaselineIsNamed) {
  ReportData data = sample_sweep();
  std::erase_if(data.trials, [](const TrialRow& row) { return row.variant == "DisableSelector"; });
  EXPECT_THAT(rendered(data, {}), HasSubstr("no baseline in this cell"));
}

}  // namespace
}  // namespace autonorm::report
