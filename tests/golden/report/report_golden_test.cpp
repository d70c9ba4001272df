// Whole reports against the files beside this one. After an intended change: AUTONORM_BLESS=1 report_golden_test, then
// read the difference before committing it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <ostream>

#include "coordinator/report/sweep_pair.h"
#include "core/base/durable_file.h"
#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

struct GoldenCase {
  const char* file;
  ReportData (*data)();
  ReportOptions options;
};
void PrintTo(const GoldenCase& item, std::ostream* out) { *out << item.file; }

ReportData empty_sweep() { return {sample_head(), {}}; }
ReportData one_seed_sweep() {
  ReportData data = sample_sweep();
  data.sweep.seeds = {0};
  std::erase_if(data.trials, [](const TrialRow& row) { return row.seed != 0; });
  return data;
}

// Every seed gains the same: no spread to test with.
ReportData constant_sweep() {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    if (row.variant != "AutoNorm") continue;
    const double base = row.labels->at("data.name") == "digits" ? 0.95 : 0.90;
    const double shift = row.labels->at("data.name") == "digits" ? 0.0025 : 0.005;
    row.results["test/accuracy"] = base + 0.01 + (row.seed == 1 ? shift : row.seed == 2 ? -shift : 0);
  }
  return data;
}
// One variant for each verdict.
ReportData ten_seed_sweep() {
  ReportData data{sample_head(), {}};
  data.sweep.variants = {"Base", "Better", "Worse", "Equivalent", "Unclear", "Unstable"};
  data.sweep.baseline = "Base";
  data.sweep.seeds.clear();
  for (uint64_t seed = 0; seed < 10; ++seed) {
    data.sweep.seeds.push_back(seed);
    const double base = 0.9 + 0.001 * static_cast<double>(seed % 4);
    const double wiggle = 0.0005 * (static_cast<double>(seed * 7 % 5) - 2);
    const double gains[] = {0, 0.01 + wiggle, -0.008 + wiggle, wiggle, 0.002 + 12 * wiggle, 0.01 + wiggle};
    for (size_t i = 0; i < data.sweep.variants.size(); ++i) {
      data.trials.push_back(make_trial(data.sweep.variants[i], "digits", seed, base + gains[i]));
      if (i != 5 || seed % 4 != 3) continue;
      data.trials.back().state = TrialState::kDiverged;
      data.trials.back().end = EndReason::kDiverged;
      data.trials.back().results.clear();
    }
  }
  return data;
}
// The study again with another learned selector; all else is the same trials.
ReportData two_sweeps() {
  ReportData later = sample_sweep();
  later.sweep.id = SweepId(4);
  later.sweep.name = "norm-study-2";
  for (TrialRow& row : later.trials) {
    if (row.variant != "AutoNorm") continue;
    row.trial = TrialId(sha256("2" + row.trial.value()).value());
    row.results["test/accuracy"] += 0.001 * static_cast<double>(row.seed + 1);
  }
  return pair_sweeps(later, sample_sweep()).value();
}
ReportOptions post_hoc_selection() {
  ReportOptions options;
  options.selection = {.variants = {"AutoNorm"},
                       .data = {"mnist"},
                       .where = {},
                       .metric = "test/loss",
                       .baseline = "Teacher",
                       .alpha = 0.1,
                       .margin = 0.02};
  return options;
}

class ReportGolden : public testing::TestWithParam<GoldenCase> {};

TEST_P(ReportGolden, EqualsTheFile) {
  const GoldenCase& item = GetParam();
  const std::string path = std::string(AUTONORM_SOURCE_DIR "/tests/golden/report/") + item.file;
  const std::string text = rendered(item.data(), item.options);
  if (std::getenv("AUTONORM_BLESS") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
  }
  const Result<std::string> expected = read_file(path);
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  EXPECT_EQ(text, *expected) << "re-bless with AUTONORM_BLESS=1 if this is intended";
}

std::string test_name(const testing::TestParamInfo<GoldenCase>& info) {
  std::string name = info.param.file;
  for (char& c : name) c = c == '.' || c == '-' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Report, ReportGolden,
    testing::Values(GoldenCase{"finished.txt", sample_sweep, {Format::kText}},
                    GoldenCase{"finished-colour.txt", sample_sweep, {Format::kText, false, true}},
                    GoldenCase{"finished.csv", sample_sweep, {Format::kCsv}},
                    GoldenCase{"finished.json", sample_sweep, {Format::kJson}},
                    GoldenCase{"finished.md", sample_sweep, {Format::kMarkdown}},
                    GoldenCase{"trials.txt", sample_sweep, {Format::kText, true}},
                    GoldenCase{"trials.csv", sample_sweep, {Format::kCsv, true}},
                    GoldenCase{"trials.json", sample_sweep, {Format::kJson, true}},
                    GoldenCase{"trials.md", sample_sweep, {Format::kMarkdown, true}},
                    GoldenCase{"unfinished.txt", unfinished_sweep, {Format::kText}},
                    GoldenCase{"one-seed.txt", one_seed_sweep, {Format::kText}},
                    GoldenCase{"finished.tex", sample_sweep, {Format::kLatex}},
                    GoldenCase{"finished.html", sample_sweep, {Format::kHtml}},
                    GoldenCase{"constant.txt", constant_sweep, {Format::kText}},
                    GoldenCase{"ten-seeds.txt", ten_seed_sweep, {Format::kText}},
                    GoldenCase{"ten-seeds-permutation.txt",
                               ten_seed_sweep,
                               {.interval = IntervalMethod::kPermutation, .test = TestMethod::kSignFlip}},
                    GoldenCase{"ten-seeds-bca.txt", ten_seed_sweep, {.interval = IntervalMethod::kBca}},
                    GoldenCase{"permutation-unbounded.txt", sample_sweep, {.interval = IntervalMethod::kPermutation}},
                    GoldenCase{"selection.txt", sample_sweep, post_hoc_selection()},
                    GoldenCase{"explain-cell.txt", sample_sweep, {.explain_cell = "Teacher/digits"}},
                    GoldenCase{"two-sweeps.txt", two_sweeps, {Format::kText}},
                    GoldenCase{"empty.txt", empty_sweep, {Format::kText}},
                    GoldenCase{"empty.csv", empty_sweep, {Format::kCsv}},
                    GoldenCase{"empty.json", empty_sweep, {Format::kJson}},
                    GoldenCase{"empty.md", empty_sweep, {Format::kMarkdown}}),
    test_name);

}  // namespace
}  // namespace autonorm::report
