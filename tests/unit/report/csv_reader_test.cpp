// CSV as others read it: Python's csv module and, where installed, pandas (check_csv.py beside this file).
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

constexpr int kNoPandas = 77;  // exit status of the script

// Runs the script over both forms of the report; its exit status.
int check(const ReportData& data, bool trials, const std::string& option) {
  const std::string stem = testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
  std::ofstream(stem + ".csv", std::ios::binary) << rendered(data, {Format::kCsv, trials});
  std::ofstream(stem + ".json", std::ios::binary) << rendered(data, {Format::kJson, trials});
  const std::string command = std::string(AUTONORM_PYTHON " " AUTONORM_SOURCE_DIR "/tests/unit/report/check_csv.py ") +
                              stem + ".csv " + stem + ".json " + (trials ? "trials " : "rows ") + option;
  const int status = std::system(command.c_str());
  for (const char* ending : {".csv", ".json"}) std::filesystem::remove(stem + ending);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(CsvReader, PythonReadsTheComparison) { EXPECT_EQ(check(sample_sweep(), false, ""), 0); }

TEST(CsvReader, PythonReadsTheTrials) { EXPECT_EQ(check(sample_sweep(), true, ""), 0); }

TEST(CsvReader, PythonReadsAnUnfinishedSweep) {
  EXPECT_EQ(check(unfinished_sweep(), false, ""), 0);
  EXPECT_EQ(check(unfinished_sweep(), true, ""), 0);
}

TEST(CsvReader, PythonReadsNamesThatNeedQuotes) {
  ReportData data = sample_sweep();
  data.sweep.name = "a, \"b\"\nc";
  data.trials[0].variant = "line\r\nbreak";
  data.trials[1].labels = with_label(data.trials[1].labels, "data.name", "comma, quote \" and ümlaut");
  EXPECT_EQ(check(data, false, ""), 0);
  EXPECT_EQ(check(data, true, ""), 0);
}

TEST(CsvReader, PandasLeavesTheComparisonUnchanged) {
  const int status = check(sample_sweep(), false, "pandas");
  if (status == kNoPandas) GTEST_SKIP() << "pandas is not installed for " AUTONORM_PYTHON;
  EXPECT_EQ(status, 0);
}

TEST(CsvReader, PandasLeavesTheTrialsUnchanged) {
  const int status = check(sample_sweep(), true, "pandas");
  if (status == kNoPandas) GTEST_SKIP() << "pandas is not installed for " AUTONORM_PYTHON;
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace autonorm::report
