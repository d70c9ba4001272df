#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "coordinator/plot/chart.h"
#include "coordinator/plot/gnuplot.h"
#include "coordinator/plot/registry.h"
#include "core/base/text.h"
#include "tests/unit/plot/sample_histories.h"

namespace autonorm::plot {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Result<std::vector<Figure>> figures_of(const report::ReportData& data, const std::vector<std::string>& kinds = {}) {
  const auto histories = sample_histories(data);
  return draw(kinds_named(kinds).value(), {data, compare(data), histories});
}

std::string search_path() {
  const char* path = std::getenv("PATH");
  return path == nullptr ? "" : path;
}

TEST(Chart, TextCannotLeaveItsQuotes) {
  EXPECT_EQ(quoted("it's `date`\n\"$x\""), "'it''s `date` \"$x\"'");
  EXPECT_EQ(file_word("RMSNorm, eps \"1e-6\"/é"), "RMSNorm__eps__1e-6____");
}

TEST(Chart, LongNamesKeepTheirBeginningAndEnd) {
  EXPECT_EQ(shortened("RMSNorm", 7), "RMSNorm");
  EXPECT_EQ(shortened("a long name, eps 1e-6", 12), "a long...e-6");
  EXPECT_EQ(shortened("ββββββββ", 8), "ββββββββ") << "characters count, not bytes";
  EXPECT_EQ(shortened("βγδεζηθικλ", 9), "βγδε...κλ");
  EXPECT_EQ(key_title(std::string(200, 'x')).size(), 30u);  // with its quotes
}

TEST(Chart, ATitleThatIsTooLongIsBrokenInsteadOfCut) {
  Chart chart("DyT everywhere, with a rather long name of its own: alpha on train.lr=0.003, data.name=digits", "x",
              "y");
  chart.subtitle("mean over seeds");
  chart.draw("x");
  EXPECT_EQ(chart.heading_lines(), 3u);
  const std::string script = chart.script();
  EXPECT_THAT(script, HasSubstr("set label 2 'data.name=digits' at screen 0.015, graph 1 left offset 0, character 2"));
  EXPECT_THAT(script, HasSubstr("set label 3 'mean over seeds'"));
}

TEST(Chart, SeriesDifferInColourLineAndMarker) {
  for (size_t a = 0; a < 6; ++a) {
    for (size_t b = 0; b < a; ++b) {
      EXPECT_NE(line_style(a), line_style(b));
      EXPECT_NE(marker(a), marker(b));
      EXPECT_NE(colour(a), colour(b));
    }
  }
}

TEST(Registry, AnUnknownKindIsAnsweredWithTheNearest) {
  const auto kinds = kinds_named({"forrest"});
  ASSERT_FALSE(kinds.ok());
  EXPECT_EQ(
      kinds.status().message(),
      "there is no plot 'forrest'; there are forest, curves, latency, macs, norms, timeline; did you mean 'forest'?");
}

TEST(Figures, NothingToDrawIsSaid) {
  const report::ReportData data = report::sample_sweep();
  const auto none = draw(kinds_named({"norms"}).value(), {data, compare(data), {}});
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.status().message(), HasSubstr("sweep 3 has nothing to draw yet for: norms"));
}

TEST(Figures, NamesAreDistinctAndFitForFiles) {
  const auto figures = figures_of(report::sample_sweep());
  std::set<std::string> names;
  for (const Figure& figure : *figures) {
    EXPECT_TRUE(names.insert(figure.name).second) << figure.name;
    EXPECT_EQ(figure.name.find_first_of("/ ,\"'"), std::string::npos) << figure.name;
    EXPECT_FALSE(figure.data.rows.empty()) << figure.name;
  }
}

TEST(Figures, VariantsOfOneWordHavePicturesOfTheirOwn) {
  report::ReportData data = report::sample_sweep();
  const auto histories = sample_histories(data);
  std::erase_if(data.trials, [](const report::TrialRow& row) { return row.variant != "AutoNorm"; });
  const std::vector<report::TrialRow> rows = data.trials;
  for (report::TrialRow& row : data.trials) row.variant = "a/b";
  for (report::TrialRow row : rows) {
    row.variant = "a_b";
    data.trials.push_back(row);
  }
  const auto figures = draw(kinds_named({"norms"}).value(), {data, compare(data), histories});
  ASSERT_TRUE(figures.ok()) << figures.status().message();
  std::set<std::string> names;
  for (const Figure& figure : *figures) EXPECT_TRUE(names.insert(figure.name).second) << figure.name;
  EXPECT_TRUE(names.contains("norms-a_b-data.name_digits-2"));
}

// Pictures are passed on without the page or the folder that they were in.
TEST(Figures, SayWhatTheyStandOn) {
  report::ReportData data = report::unfinished_sweep();
  data.departures = {"alpha 0.1 instead of 0.05"};
  const auto post_hoc = figures_of(data);
  ASSERT_TRUE(post_hoc.ok()) << post_hoc.status().message();
  for (const Figure& figure : *post_hoc) {
    EXPECT_THAT(figure.script, HasSubstr("'interim: 16 of 24 trials finished'")) << figure.name;
    EXPECT_THAT(figure.script, HasSubstr("'POST HOC: alpha 0.1 instead of 0.05'")) << figure.name;
    EXPECT_THAT(figure.title, HasSubstr("interim: 16 of 24 trials finished"));
    EXPECT_THAT(csv_text(figure.data), HasSubstr(",registration,interim\r\n"));
    EXPECT_THAT(csv_text(figure.data), HasSubstr(",post hoc,True\r\n"));
  }
  const auto registered = figures_of(report::sample_sweep());
  for (const Figure& figure : *registered) {
    EXPECT_THAT(figure.script, Not(HasSubstr("interim"))) << figure.name;
    EXPECT_THAT(csv_text(figure.data), HasSubstr(",pre-registered,False\r\n"));
  }
}

TEST(Figures, SayHowToReadThem) {
  const auto figures = figures_of(report::sample_sweep());
  for (const Figure& figure : *figures) EXPECT_THAT(figure.script, HasSubstr("set label 2 '")) << figure.name;
  const auto forest = std::ranges::find(*figures, "forest", &Figure::kind);
  ASSERT_NE(forest, figures->end());
  EXPECT_THAT(forest->script, HasSubstr("paired by seed, 95 % CI (paired Student t); grey: margin ±0.005; filled: a "
                                        "verdict, open: none"));
}

// The names of many sites stand in one column, for which there is room; those of very many are thinned out.
TEST(Figures, NormsOfADeepNetworkHaveRoomForTheirNames) {
  const report::ReportData data = report::two_sides({0.01});
  const auto figure_with = [&](int sites) {
    std::map<TrialId, report::TrialHistory> histories;
    report::TrialHistory& history = histories[data.trials[0].trial];
    for (int i = 0; i < sites; ++i) {
      history.norms.push_back(
          {cat("blocks.", i, ".pre_attn"), "alpha", {{.step = 1, .value = 1}, {.step = 2, .value = 2}}});
    }
    return draw(kinds_named({"norms"}).value(), {data, compare(data), histories})->at(0);
  };
  EXPECT_EQ(figure_with(3).height, 300);
  EXPECT_GE(figure_with(20).height, 120 + 20 * 22);
  const Figure deep = figure_with(100);
  EXPECT_THAT(deep.script, HasSubstr("'blocks.0.pre_attn'"));
  EXPECT_THAT(deep.script, Not(HasSubstr("'blocks.1.pre_attn'")));
  EXPECT_LE(deep.height, 1000);
}

TEST(Figures, WhatIsMissedIsNamedWithItsReason) {
  const report::ReportData data = report::sample_sweep();
  const auto kinds = kinds_named({"norms", "forest"}).value();
  const auto figures = draw(kinds, {data, compare(data), {}});
  ASSERT_TRUE(figures.ok());
  const auto lines = undrawn(kinds, *figures);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], StartsWith("no picture of kind norms: no trial has recorded values of its norms"));
}

TEST(Figures, ADivergedSeedLeavesTheCurveWhereItsValuesEnd) {
  report::ReportData data = report::sample_sweep();
  const auto figures = figures_of(data, {"curves"});
  const auto teacher = std::ranges::find(*figures, "curves-val_accuracy-data.name_digits", &Figure::name);
  ASSERT_NE(teacher, figures->end());
  const auto& columns = teacher->data.columns;
  const size_t n = static_cast<size_t>(std::ranges::find(columns, "n") - columns.begin());
  std::vector<int64_t> counts;
  for (const auto& row : teacher->data.rows) {
    if (std::get<std::string>(row[0]) == "Teacher") counts.push_back(std::get<int64_t>(row[n]));
  }
  EXPECT_EQ(counts, (std::vector<int64_t>{3, 3, 2, 2}));
}

TEST(Figures, TooManyAreRefused) {
  report::ReportData data = report::sample_sweep();
  const report::ReportData one = data;
  for (int cell = 0; cell < 150; ++cell) {
    for (report::TrialRow row : one.trials) {
      row.labels = with_label(row.labels, "data.name", "set-" + std::to_string(cell));
      data.trials.push_back(row);
    }
  }
  const auto figures = figures_of(data, {"curves"});
  ASSERT_FALSE(figures.ok());
  EXPECT_THAT(figures.status().message(), HasSubstr("more than 200 pictures; choose cells"));
}

TEST(Gnuplot, IsMissingWithARemedy) {
  const auto gnuplot = Gnuplot::find("/nowhere:/nowhere/else");
  ASSERT_FALSE(gnuplot.ok());
  EXPECT_EQ(gnuplot.status().code(), Code::kNotFound);
  EXPECT_THAT(gnuplot.status().message(), HasSubstr("apt-get install gnuplot-nox"));
  EXPECT_THAT(gnuplot.status().message(), Not(HasSubstr("\n")));
}

// Every kind, also with awkward names, intervals without bounds and a single seed.
TEST(Gnuplot, DrawsEveryFigure) {
  const auto gnuplot = Gnuplot::find(search_path());
  if (!gnuplot.ok()) GTEST_SKIP() << gnuplot.status().message();
  report::ReportData awkward = report::sample_sweep();
  for (report::TrialRow& row : awkward.trials) {
    if (row.variant == "Teacher") row.variant = "it's_{a}^b @x `date` %d \\n";
  }
  awkward.sweep.variants[4] = awkward.trials.back().variant;
  report::ReportData one_seed = report::sample_sweep();
  std::erase_if(one_seed.trials, [](const report::TrialRow& row) { return row.seed != 0; });
  for (const report::ReportData& data : {awkward, one_seed}) {
    const auto histories = sample_histories(data);
    const auto comparison = compare(data, {.interval = report::IntervalMethod::kPermutation});
    const auto figures = draw(kinds_named({}).value(), {data, comparison, histories});
    ASSERT_TRUE(figures.ok()) << figures.status().message();
    for (const Figure& figure : *figures) {
      const auto svg = gnuplot->draw(figure, ImageFormat::kSvg);
      ASSERT_TRUE(svg.ok()) << svg.status().message() << figure.script;
      EXPECT_THAT(*svg, HasSubstr("</svg>"));
    }
    const auto png = gnuplot->draw(figures->front(), ImageFormat::kPng);
    ASSERT_TRUE(png.ok()) << png.status().message();
    EXPECT_THAT(*png, StartsWith("\x89PNG"));
  }
}

TEST(Gnuplot, SaysWhatIsWrongWithAScript) {
  const auto gnuplot = Gnuplot::find(search_path());
  if (!gnuplot.ok()) GTEST_SKIP() << gnuplot.status().message();
  Figure figure;
  figure.name = "broken";
  figure.script = "plot nonsense with\n";
  const auto picture = gnuplot->draw(figure, ImageFormat::kSvg);
  ASSERT_FALSE(picture.ok());
  EXPECT_THAT(picture.status().message(), HasSubstr("could not draw broken"));
}

}  // namespace
}  // namespace autonorm::plot
