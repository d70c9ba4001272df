#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "coordinator/export/crc32c.h"
#include "coordinator/export/event_file.h"
#include "coordinator/export/json_lines.h"
#include "coordinator/export/tables.h"
#include "coordinator/export/tensorboard_run.h"
#include "core/base/durable_file.h"
#include "tests/unit/plot/sample_histories.h"
#include "tests/unit/server/temporary_folder.h"

namespace autonorm::exporting {
namespace {

using nlohmann::json;

report::TrialRow auto_norm_row() { return report::make_trial("AutoNorm", "digits", 1, 0.96); }

// RFC 3720, appendix B.4.
TEST(Crc32c, HasThePublishedValues) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(masked_crc32c("123456789"), ((0xE3069283u >> 15) | (0xE3069283u << 17)) + 0xA282EAD8u);
}

TEST(RunFolder, StaysBelowTheLogFolder) {
  report::TrialRow row = auto_norm_row(), parent = row;
  row.variant = "../a/b", parent.variant = "..";
  row.labels = parent.labels = report::Labels{{"data.name", "x/../y"}};
  const RunFolders folders({{}, {row, parent}});
  EXPECT_EQ(folders.of(row), ".._a_b/data.name=x_.._y/seed-1");
  EXPECT_EQ(folders.of(parent), "_/data.name=x_.._y/seed-1");
}

TEST(RunFolder, VariantsAndCellsOfOneWordAreToldApart) {
  std::vector<report::TrialRow> rows;
  for (const std::string variant : {"a/b", "a_b", "a:b"}) {
    rows.push_back(auto_norm_row());
    rows.back().variant = variant;
    rows.back().labels = report::Labels{{"data.name", variant}};
  }
  const RunFolders folders({{}, rows});
  EXPECT_EQ(folders.of(rows[0]), "a_b-2/data.name=a_b-2/seed-1");
  EXPECT_EQ(folders.of(rows[1]), "a_b/data.name=a_b/seed-1");
  EXPECT_EQ(folders.of(rows[2]), "a_b-3/data.name=a_b-3/seed-1");
}

TEST(EventFile, IsReadBackByTheTensorboardPackage) {
  const TemporaryFolder folder;
  const report::TrialRow row = auto_norm_row();
  const report::TrialHistory history = plot::sample_history(row, 0);
  ASSERT_TRUE(write_file_durably(folder.path() / event_file_name(row, history), event_file_bytes(row, history)).ok());
  const std::string out = folder.path().string() + "-read.json";
  const std::string command = AUTONORM_PYTHON " " AUTONORM_SOURCE_DIR "/tests/unit/export/read_events.py '" +
                              folder.path().string() + "' >'" + out + "' 2>'" + out + ".err'";
  const int status = std::system(command.c_str());
  const auto text = read_file(out);
  const auto errors = read_file(out + ".err");
  std::filesystem::remove(out);
  std::filesystem::remove(out + ".err");
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "the tensorboard package is not installed for " AUTONORM_PYTHON;
  ASSERT_EQ(status, 0) << errors.value();
  const json read = json::parse(text.value());
  const json& accuracy = read["scalars"]["val/accuracy"];
  ASSERT_EQ(accuracy.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const report::CurvePoint& point = history.curves[1].points[i];
    EXPECT_EQ(accuracy[i][1], point.step);
    EXPECT_FLOAT_EQ(accuracy[i][2].get<float>(), static_cast<float>(point.value));
  }
  // From the start of the attempt to its end.
  EXPECT_DOUBLE_EQ(accuracy[0][0].get<double>(), 1'777'630'201.0);
  EXPECT_DOUBLE_EQ(accuracy[3][0].get<double>(), 1'777'630'208.0);
  EXPECT_FLOAT_EQ(read["scalars"]["result/test/accuracy"][0][2].get<float>(), 0.96f);
  EXPECT_TRUE(read["scalars"].contains("norms/blocks.0.pre_attn/gate_mean_layer"));
  const json& gates = read["histograms"]["norms over sites/gate_mean_layer"];
  ASSERT_EQ(gates.size(), 4u);
  EXPECT_EQ(gates[0][0], 100);
  EXPECT_EQ(gates[0][3], 5) << "one per site";
}

TEST(EventFile, HistogramsCountEveryValueOnce) {
  EventFile file(0);
  file.add(1, 10, {.scalars = {}, .histograms = {{"h", {1, 2, 2, 4, 9}}, {"equal", {3, 3}}}});
  EXPECT_GT(file.bytes().size(), 100u);
}

TEST(JsonLines, HaveOneLineWithEverything) {
  const report::ReportData data = report::sample_sweep();
  report::TrialRow row = auto_norm_row();
  row.results["train/loss"] = std::nan("");
  const std::string line = json_line(data.sweep, row, plot::sample_history(row, 0));
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
  const json value = json::parse(line);
  EXPECT_EQ(value["variant"], "AutoNorm");
  EXPECT_EQ(value["labels"]["data.name"], "digits");
  EXPECT_TRUE(value["results"]["train/loss"].is_null());
  EXPECT_EQ(value["curves"]["val/accuracy"][0], json::parse("[100, 0.768, 1]"));
  EXPECT_EQ(value["norms"]["final"]["scale.alpha_mean"].size(), 4u);
  EXPECT_EQ(value["attempts"][0]["workers"][0], "node-a/1");
  EXPECT_EQ(value["attempts"][0]["end"], "completed");
}

TEST(Tables, HaveOneRowPerPoint) {
  const report::TrialRow row = auto_norm_row();
  const report::TrialHistory history = plot::sample_history(row, 0);
  const auto curves = curve_table(row, history, {"data.name"});
  EXPECT_EQ(curves.columns,
            (std::vector<std::string>{"variant", "data.name", "seed", "trial", "metric", "step", "value", "attempt"}));
  EXPECT_EQ(curves.rows.size(), 8u);
  for (const auto& line : curves.rows) EXPECT_EQ(line.size(), curves.columns.size());
  const auto norms = norm_table(row, history, {"data.name"});
  EXPECT_EQ(norms.rows.size(), 60u);
  EXPECT_EQ(norms.rows[0].size(), norms.columns.size());
  const auto attempts = attempt_table(row, history, {"data.name"});
  ASSERT_EQ(attempts.rows.size(), 1u);
  EXPECT_EQ(attempts.rows[0].size(), attempts.columns.size());
}

}  // namespace
}  // namespace autonorm::exporting
