// Whole reports against the files beside this one. After an intended change: AUTONORM_BLESS=1 report_golden_test, then
// read the difference before committing it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <ostream>

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

class ReportGolden : public testing::TestWithParam<GoldenCase> {};

TEST_P(ReportGolden, EqualsTheFile) {
  const GoldenCase& item = GetParam();
  const std::string path = std::string(AUTONORM_SOURCE_DIR "/tests/golden/report/") + item.file;
  const std::string text = render(item.data(), item.options);
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

INSTANTIATE_TEST_SUITE_P(Report, ReportGolden,
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
                                         GoldenCase{"empty.txt", empty_sweep, {Format::kText}},
                                         GoldenCase{"empty.csv", empty_sweep, {Format::kCsv}},
                                         GoldenCase{"empty.json", empty_sweep, {Format::kJson}},
                                         GoldenCase{"empty.md", empty_sweep, {Format::kMarkdown}}),
                         test_name);

}  // namespace
}  // namespace autonorm::report
