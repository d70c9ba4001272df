#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

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
    const bool drops = row.labels->at("data.name") == "digits" &&
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

const std::vector<double> kClearGains = {0.0500, 0.0625, 0.0550, 0.0575, 0.0525, 0.0600};

std::vector<double> negative(std::vector<double> gains) {
  for (double& gain : gains) gain = -gain;
  return gains;
}

// As AWithheldVerdictIsExplained, the other way round: what is left of the baseline may be its better part.
TEST(Render, AClaimAgainstAVariantWhoseBaselineLostSeedsIsWithheldAndExplained) {
  ReportData data = two_sides(negative(kClearGains));
  EXPECT_THAT(rendered(data, {}), HasSubstr(" worse\n"));
  diverge(side_of(data, "Base", 1));
  const std::string text = rendered(data, {});
  EXPECT_THAT(text, HasSubstr("undecided\n"));
  EXPECT_THAT(text, HasSubstr("undecided in spite of its p: seeds that the baseline lost and the variant finished "
                              "(Variant on data.name=digits 1); what is left of the baseline may be its better part, "
                              "so nothing is claimed against the variant"));
  diverge(side_of(data, "Variant", 2));
  diverge(side_of(data, "Variant", 3));
  EXPECT_THAT(rendered(data, {}), HasSubstr(" less stable\n")) << "two lost seeds against one";
}

TEST(Render, ALostBaselineDoesNotTakeAClaimInFavourAway) {
  ReportData data = two_sides(kClearGains);
  diverge(side_of(data, "Base", 1));
  EXPECT_THAT(rendered(data, {}), HasSubstr(" better\n"));
}

TEST(Render, ASucceededTrialWithoutAFiniteValueIsALostSeed) {
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity(), -1e200}) {
    ReportData data = two_sides(kClearGains);
    side_of(data, "Variant", 5).results["test/accuracy"] = value;
    const std::string text = rendered(data, {});
    EXPECT_THAT(text, HasSubstr(" less stable\n"));
    EXPECT_THAT(text, HasSubstr("no usable test/accuracy, though the trial succeeded: Variant on data.name=digits 1 "
                                "(not recorded, not finite, or beyond ±1e100); such seeds count as lost, like those "
                                "that diverge"));
    EXPECT_THAT(text, Not(HasSubstr("nan")));
  }
}

TEST(Render, AnotherMetricWithoutAFiniteValueIsNamedToo) {
  ReportData data = two_sides(kClearGains);
  side_of(data, "Base", 0).results["test/loss"] = std::nan("");
  const std::string text = rendered(data, {});
  EXPECT_THAT(text, HasSubstr("no usable test/loss, though the trial succeeded: Base on data.name=digits 1"));
  EXPECT_THAT(text, HasSubstr(" better\n"));
}

// Squares of such values overflow.
TEST(Render, HugeValuesAreLeftOutAndNamed) {
  ReportData data = two_sides(kClearGains);
  for (TrialRow& row : data.trials) row.results["test/accuracy"] = row.seed % 2 == 0 ? 1e308 : -1e308;
  for (const IntervalMethod interval : {IntervalMethod::kStudent, IntervalMethod::kBca, IntervalMethod::kPermutation}) {
    for (const TestMethod test : {TestMethod::kStudent, TestMethod::kSignFlip}) {
      EXPECT_THAT(rendered(data, {.interval = interval, .test = test}),
                  HasSubstr("no usable test/accuracy, though the trial succeeded: Base on data.name=digits 6; "
                            "Variant on data.name=digits 6"));
    }
  }
}

// The largest values that are used.
TEST(Render, LargeValuesDoNotOverflow) {
  ReportData data = two_sides(kClearGains);
  for (TrialRow& row : data.trials) {
    row.results["test/accuracy"] = (row.variant == "Base" ? -1e100 : 1e100) / (1 + static_cast<double>(row.seed));
  }
  for (const IntervalMethod interval : {IntervalMethod::kStudent, IntervalMethod::kBca, IntervalMethod::kPermutation}) {
    const std::string csv = rendered(data, {.format = Format::kCsv, .interval = interval});
    EXPECT_THAT(csv, Not(HasSubstr("nan")));
    EXPECT_THAT(csv, Not(HasSubstr("inf")));
  }
}

TEST(Render, BcaWithFewPairsWarns) {
  const std::string warning =
      "BCa intervals cover too little with few pairs: of normal differences 84 % at 5, 91 % at "
      "10 and 92 % at 20 pairs instead of 95 %; here are as few as 6";
  EXPECT_THAT(rendered(two_sides(kClearGains), {.interval = IntervalMethod::kBca}), HasSubstr(warning));
  EXPECT_THAT(rendered(two_sides(kClearGains), {}), Not(HasSubstr("BCa")));
  std::vector<double> many;
  for (int i = 0; i < 20; ++i) many.push_back(0.05 + 0.001 * i);
  EXPECT_THAT(rendered(two_sides(many), {.interval = IntervalMethod::kBca}), Not(HasSubstr("cover too little")));
}

TEST(Render, ConstantDifferencesAllowNoClaimByAnyMethod) {
  const ReportData data = two_sides({0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125});
  for (const IntervalMethod interval : {IntervalMethod::kStudent, IntervalMethod::kBca, IntervalMethod::kPermutation}) {
    for (const TestMethod test : {TestMethod::kStudent, TestMethod::kSignFlip}) {
      const std::string text = rendered(data, {.interval = interval, .test = test});
      EXPECT_THAT(text, Not(HasSubstr("better\n")));
      EXPECT_THAT(text, Not(HasSubstr("[+")));
      EXPECT_THAT(text, HasSubstr("undecided\n"));
      EXPECT_THAT(text, HasSubstr("so there is no CI, no p, no d_z and no claim"));
      EXPECT_THAT(text, Not(HasSubstr("needs at least two pairs")));
      EXPECT_THAT(text, HasSubstr("1 comparison of test/accuracy in this report, 1 of them without a p"));
      EXPECT_THAT(text, HasSubstr("verdict: better or worse: p (Holm) < 0.05"));
    }
  }
}

TEST(Render, OnePairIsUndecided) {
  const std::string text = rendered(two_sides({0.125}), {});
  EXPECT_THAT(text, HasSubstr("undecided\n"));
  EXPECT_THAT(text, HasSubstr("a p needs two pairs of seeds whose differences are not all the same"));
}

TEST(Render, McNemarIsShownWhenOnlyTheBaselineDiverged) {
  ReportData data = two_sides(kClearGains);
  for (uint64_t seed = 0; seed < 6; ++seed) diverge(side_of(data, "Base", seed));
  EXPECT_THAT(rendered(data, {}), HasSubstr("Variant on data.name=digits 0/6 [0 %, 39 %], p 0.0312"));
}

TEST(Render, ARerunHasNoMissingSeeds) {
  ReportData data = two_sides(kClearGains);
  data.sweep.name = "study (again, 1)";
  std::erase_if(data.trials, [](const TrialRow& row) { return row.seed > 1; });
  const std::string text = rendered(data, {});
  EXPECT_THAT(text, Not(HasSubstr("missing")));
  EXPECT_THAT(text, HasSubstr("2/2"));
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
  for (TrialRow& row : data.trials) row.own_facts["device"] = "AMD EPYC";
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
