// Tables that a plan has at hand are checked before anything runs.
#include "coordinator/cli/table_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "coordinator/cli/sweep_file.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TableCheck : public ::testing::Test {
 protected:
  // A sweep over one table; `more` keys of data.
  std::string sweep_of(const std::string& hash, const std::string& more) {
    const std::string path = (folder_.path() / "study.toml").string();
    std::ofstream(path)
        << "[sweep]\nname = \"s\"\nbaseline = \"A\"\nmetric = \"test/loss\"\nseeds = [0, 1]\n[base]\n"
        << "data = { kind = \"csv\", path = \"t.csv\", sha256 = \"" << hash << "\"" << more << " }\n"
        << "model = { family = \"mlp\" }\n[[variant]]\nname = \"A\"\n[[variant]]\nname = \"B\"\nnorm = \"rms\"\n";
    return path;
  }
  std::string error_of(const std::string& table, const std::string& more = "") {
    std::ofstream(folder_.path() / "t.csv") << table;
    const auto file = load_sweep_file(sweep_of(sha256(table).value(), more), {folder_.path()});
    return file.ok() ? "" : file.status().message();
  }

  testing::TemporaryFolder folder_;
};

TEST_F(TableCheck, AGoodTablePasses) { EXPECT_EQ(error_of("a,b,y\n1,2,0\n3,4,1\n"), ""); }

TEST_F(TableCheck, ABadCellIsNamedWithItsPlaceAndOnce) {
  const std::string text = error_of("a,b,y\n1,2,0\n3,red,1\n");
  EXPECT_THAT(text, AllOf(HasSubstr("study.toml: error: data.path = 't.csv': "), HasSubstr("line 3, column 2 ('b')"),
                          HasSubstr("found 'red'")));
  EXPECT_EQ(std::ranges::count(text, '\n'), 0);
}

TEST_F(TableCheck, TargetsMustBeClassesOrTheTaskARegression) {
  EXPECT_THAT(error_of("1,2,0.5\n3,4,1\n"), HasSubstr("expected a class"));
  EXPECT_EQ(error_of("1,2,0.5\n3,4,1\n", ", task = \"regression\""), "");
  EXPECT_THAT(error_of("1,2,0\n3,4,1\n", ", target = \"z\""), HasSubstr("data.target = 'z' is no column"));
}

TEST_F(TableCheck, AnotherContentThanTheSweepSaysIsAnError) {
  std::ofstream(folder_.path() / "t.csv") << "1,2,0\n3,4,1\n";
  const auto file = load_sweep_file(sweep_of(std::string(64, 'a'), ""), {folder_.path()});
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), HasSubstr("wrong content: data.sha256 expects aaaa"));
}

TEST_F(TableCheck, ATableThatIsElsewhereIsLeftToTheTrials) {
  const auto file = load_sweep_file(sweep_of(std::string(64, 'a'), ""), {folder_.path()});
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_THAT(file->sweep.warnings,
              ElementsAre(AllOf(HasSubstr("data.path = 't.csv' is not checked here: there is no such file"),
                                HasSubstr("a trial checks every cell when it loads the table"))));
}

}  // namespace
}  // namespace autonorm::cli
