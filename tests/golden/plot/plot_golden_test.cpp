// The data and scripts of pictures against the files beside this one. After an intended change: AUTONORM_BLESS=1
// plot_golden_test, look at the pictures, read the difference, commit it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "coordinator/plot/registry.h"
#include "core/base/durable_file.h"
#include "tests/unit/plot/sample_histories.h"

namespace autonorm::plot {
namespace {

class PlotGolden : public testing::TestWithParam<const char*> {};

std::string text_of(const Figure& figure) {
  std::string text = "== " + figure.name + "\n" + figure.title + "\n" + figure.note +
                     (figure.note.empty() ? "" : "\n") + std::to_string(figure.width) + " x " +
                     std::to_string(figure.height) + "\n" + report::csv_text(figure.data) + "--\n" + figure.script +
                     "\n";
  std::erase(text, '\r');
  return text;
}

TEST_P(PlotGolden, EqualsTheFile) {
  report::ReportData data = report::sample_sweep();
  for (report::TrialRow& row : data.trials) {
    if (row.results.empty()) continue;
    const auto size = static_cast<double>(row.variant.size());
    row.results["model/macs"] = 1e6 * size;
    row.results["train/step_ms"] = 3 * size;
    // Of an older release on one data set.
    if (row.labels->at("data.name") == "digits" || row.variant != "Teacher")
      row.results["model/latency_ms"] = 0.1 * size;
  }
  const auto histories = sample_histories(data);
  const auto figures = draw(kinds_named({GetParam()}).value(), {data, compare(data), histories});
  ASSERT_TRUE(figures.ok()) << figures.status().message();
  std::string text;
  for (const Figure& figure : *figures) text += text_of(figure);
  const std::string path = std::string(AUTONORM_SOURCE_DIR "/tests/golden/plot/") + GetParam() + ".txt";
  if (std::getenv("AUTONORM_BLESS") != nullptr) std::ofstream(path, std::ios::binary) << text;
  const Result<std::string> expected = read_file(path);
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  EXPECT_EQ(text, *expected) << "re-bless with AUTONORM_BLESS=1 if this is intended";
}

std::string test_name(const testing::TestParamInfo<const char*>& info) { return info.param; }
INSTANTIATE_TEST_SUITE_P(Plot, PlotGolden, testing::Values("forest", "curves", "latency", "macs", "norms", "timeline"),
                         test_name);

}  // namespace
}  // namespace autonorm::plot
