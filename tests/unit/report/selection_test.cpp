#include "coordinator/report/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "coordinator/report/registration.h"
#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

using testing::HasSubstr;

std::string refusal(const Selection& selection, const ReportData& data = sample_sweep()) {
  ReportOptions options;
  options.selection = selection;
  const auto text = render(data, options);
  return text.ok() ? "accepted" : text.status().message();
}

TEST(Selection, WithoutWishesChangesNothing) {
  const auto data = select(sample_sweep(), {});
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->trials.size(), sample_sweep().trials.size());
  EXPECT_TRUE(data->departures.empty());
}

TEST(Selection, KeepsTheBaselineBesideTheVariant) {
  ReportOptions options;
  options.selection.variants = {"Teacher"};
  options.selection.where = {"data.name=mnist"};
  const auto data = select(sample_sweep(), options);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->trials.size(), 6u);
  EXPECT_THAT(registration_of(*data).text, HasSubstr("POST HOC: a selection of 6 of 30 trials"));
}

TEST(Selection, ValuesOfOneKeyAreAlternatives) {
  ReportOptions options;
  options.selection.data = {"mnist", "digits"};
  EXPECT_EQ(select(sample_sweep(), options)->trials.size(), 30u);
}

TEST(Selection, NamesWhatDoesNotExist) {
  EXPECT_EQ(
      refusal({.variants = {"AutoNrm"}}),
      "sweep 3 has no variant 'AutoNrm'; it has 'AutoNorm', 'DisableSelector', 'FrozenLN', 'RMSNorm, eps \"1e-6\"', "
      "'Teacher'; did you mean 'AutoNorm'?");
  EXPECT_EQ(refusal({.data = {"mnst"}}),
            "sweep 3 has no data.name 'mnst'; it has 'digits', 'mnist'; did you mean 'mnist'?");
  EXPECT_EQ(refusal({.where = {"train.lr=1"}}), "sweep 3 has no matrix key 'train.lr'; it has 'data.name'");
  EXPECT_EQ(refusal({.where = {"mnist"}}), "--where 'mnist' is not of the form KEY=VALUE, e.g. data.name=mnist");
  EXPECT_THAT(refusal({.metric = "test/acuracy"}),
              testing::AllOf(HasSubstr("has no recorded metric 'test/acuracy'; it has 'test/accuracy', "),
                             HasSubstr("; did you mean 'test/accuracy'?")));
  EXPECT_THAT(refusal({.baseline = "Base"}), HasSubstr("--baseline: sweep 3 has no variant 'Base'"));
}

TEST(Selection, RefusesNumbersOutOfRange) {
  EXPECT_EQ(refusal({.alpha = 0.0}),
            "--alpha 0 is out of range; allowed: a number from 1e-06 to 0.5; customary is 0.05");
  EXPECT_THAT(refusal({.alpha = 1e-300}), HasSubstr("--alpha 1e-300 is out of range"));
  EXPECT_THAT(refusal({.alpha = std::nan("")}), HasSubstr("--alpha nan is out of range"));
  EXPECT_THAT(refusal({.alpha = 0.51}), HasSubstr("--alpha 0.51 is out of range"));
  for (const double fine : {1e-6, 0.5}) EXPECT_EQ(refusal({.alpha = fine}), "accepted");
  EXPECT_THAT(refusal({.margin = -1.0}), HasSubstr("--margin -1 is not a number above 0"));
  EXPECT_THAT(refusal({.margin = HUGE_VAL}), HasSubstr("--margin inf"));
}

TEST(Selection, AnEmptyOneSaysSo) {
  ReportData data = sample_sweep();
  std::erase_if(data.trials, [](const TrialRow& row) {
    const bool left = row.labels->at("data.name") == "digits" ? row.variant == "Teacher" : row.variant == "AutoNorm";
    return !left;
  });
  EXPECT_THAT(refusal({.variants = {"Teacher"}, .data = {"mnist"}}, data),
              HasSubstr("nothing of sweep 3 is selected: no cell meets all conditions"));
}

TEST(Selection, EveryDepartureIsListed) {
  ReportOptions options;
  options.interval = IntervalMethod::kBca;
  options.selection = {.metric = "test/loss", .baseline = "Teacher", .alpha = 0.1, .margin = 0.02};
  EXPECT_EQ(registration_of(*select(sample_sweep(), options)).text,
            "POST HOC: metric test/loss instead of test/accuracy; baseline Teacher instead of DisableSelector; margin "
            "0.02 instead of 0.005; alpha 0.1 instead of 0.05; BCa bootstrap interval instead of Student's t");
}

// A margin is in the unit of its metric.
TEST(Selection, AnotherMetricDoesNotKeepTheMargin) {
  ReportOptions options;
  options.selection.metric = "test/loss";
  const auto data = select(sample_sweep(), options);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->sweep.margin, 0);
  EXPECT_THAT(registration_of(*data).text, HasSubstr("no margin, for 0.005 is one of the sweep's own metric; --margin "
                                                     "sets one for test/loss"));
  EXPECT_THAT(rendered(sample_sweep(), options), HasSubstr("equivalent: not tested, no margin is set"));
  options.selection.margin = 0.005;
  EXPECT_EQ(select(sample_sweep(), options)->sweep.margin, 0.005);
  options.selection = {.metric = "test/accuracy"};
  EXPECT_EQ(select(sample_sweep(), options)->sweep.margin, 0.005);
}

TEST(Selection, NumbersAreComparedAsNumbers) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials)
    row.labels = with_label(row.labels, "train.lr", row.labels->at("data.name") == "digits" ? "0.003" : "0.01");
  ReportOptions options;
  options.selection.where = {"train.lr=3e-3"};
  const auto selected = select(data, options);
  ASSERT_TRUE(selected.ok()) << selected.status().message();
  EXPECT_EQ(selected->trials.size(), 15u);
  EXPECT_THAT(refusal({.where = {"train.lr=3e-4"}}, data), HasSubstr("has no train.lr '3e-4'"));
}

TEST(Selection, TheRegisteredValuesAreNoDeparture) {
  ReportOptions options;
  options.selection = {.metric = "test/accuracy", .baseline = "DisableSelector", .alpha = 0.05, .margin = 0.005};
  EXPECT_TRUE(registration_of(*select(sample_sweep(), options)).registered);
}

TEST(Selection, AMetricOfTheCatalogueIsFineWhileNothingHasFinished) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    row.state = TrialState::kRunning;
    row.results.clear();
  }
  EXPECT_EQ(refusal({.metric = "test/loss"}, data), "accepted");
}

TEST(ExplainCell, NamesWhatThereIs) {
  ReportOptions options;
  const auto message = [&](const std::string& which) {
    options.explain_cell = which;
    return render(sample_sweep(), options).status().message();
  };
  EXPECT_THAT(message("Techer/mnist"), HasSubstr("did you mean 'Teacher'?"));
  EXPECT_EQ(message("Teacher/cifar"),
            "--explain-cell: no cell of 'Teacher' is called 'cifar'; there are 'data.name=digits', 'data.name=mnist'");
  EXPECT_EQ(message("Teacher"),
            "--explain-cell: 2 cells of 'Teacher' answer to ''; there are 'data.name=digits', 'data.name=mnist'");
}

TEST(ExplainCell, IsTextOnly) {
  const auto message = [](const ReportOptions& options) { return render(sample_sweep(), options).status().message(); };
  const std::string refused = "--explain-cell is a text of its own: leave out --trials and --format, or --explain-cell";
  EXPECT_EQ(message({.format = Format::kJson, .explain_cell = "Teacher/mnist"}), refused);
  EXPECT_EQ(message({.trials = true, .explain_cell = "Teacher/mnist"}), refused);
}

TEST(ExplainCell, DifferencesHaveTheDigitsOfTheirValues) {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    if (row.results.empty()) continue;
    row.results["test/accuracy"] =
        row.variant == "AutoNorm" ? 0.9145 : 0.91;  // their difference is 0.00449999999999995
  }
  EXPECT_THAT(rendered(data, {.explain_cell = "AutoNorm/mnist"}), HasSubstr("  0.0045\n"));
}

TEST(ExplainCell, SaysWhatIsLeftOutAndWhy) {
  ReportOptions options;
  options.explain_cell = "Teacher/mnist";
  EXPECT_THAT(rendered(sample_sweep(), options), HasSubstr("variant: failed (trainer_crashed)"));
  options.explain_cell = "AutoNorm/data.name=mnist";
  EXPECT_THAT(rendered(sample_sweep(), options), HasSubstr("seed 1: other initial values of head.weight [10, 64]"));
}

TEST(ExplainCell, OfAVariantThatIsNotSelectedSaysSo) {
  const auto text = render(sample_sweep(), {.selection = {.variants = {"Teacher"}}, .explain_cell = "AutoNorm/digits"});
  EXPECT_EQ(text.status().message(),
            "--explain-cell: nothing of 'AutoNorm' is selected; leave out --variant, --data and --where");
}

}  // namespace
}  // namespace autonorm::report
