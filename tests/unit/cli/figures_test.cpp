#include "coordinator/cli/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "tests/unit/plot/sample_histories.h"

namespace autonorm::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

// The sample sweep with its digits' cell under other names.
class SampleArchive final : public Archive {
 public:
  explicit SampleArchive(int more_cells) : data_(report::sample_sweep()) {
    const std::vector<report::TrialRow> rows = data_.trials;
    for (int cell = 0; cell < more_cells; ++cell) {
      for (report::TrialRow row : rows) {
        if (row.labels->at("data.name") != "digits") continue;
        row.labels = with_label(row.labels, "data.name", cat("set-", cell));
        data_.trials.push_back(std::move(row));
      }
    }
  }

  Result<std::string> report(const std::string&, const report::ReportOptions&,
                             const std::vector<std::string>&) override {
    return internal("not asked for here");
  }
  Result<server::SweepRead> read_sweep(const std::string&) override { return server::SweepRead{data_, {}}; }
  Result<std::vector<report::TrialHistory>> histories(const std::vector<TrialId>& trials) override {
    const auto known = plot::sample_histories(data_);
    std::vector<report::TrialHistory> found;
    for (const TrialId& trial : trials) found.push_back(known.at(trial));
    return found;
  }

 private:
  report::ReportData data_;
};

TEST(PagePictures, ShowAllCellsWhereTheyAreFew) {
  SampleArchive archive(0);
  const auto pictures = read_page_pictures(archive, "", {});
  ASSERT_TRUE(pictures.ok()) << pictures.status().message();
  EXPECT_GE(pictures->figures.size(), 7u);
  EXPECT_EQ(pictures->note, "");
}

TEST(PagePictures, ShowTheFirstCellsOfVeryManyAndSaySo) {
  SampleArchive archive(298);
  const auto pictures = read_page_pictures(archive, "", {});
  ASSERT_TRUE(pictures.ok()) << pictures.status().message();
  EXPECT_LE(pictures->figures.size(), plot::kMostFigures);
  EXPECT_EQ(pictures->note,
            "Pictures of the first 20 of 300 cells, up to data.name=set-17; `coordinator plot --where KEY=VALUE` draws "
            "others.");
  std::string all;
  for (const plot::Figure& figure : pictures->figures) all += figure.script;
  EXPECT_THAT(all, HasSubstr("set-17"));
  EXPECT_THAT(all, Not(HasSubstr("set-18")));
}

}  // namespace
}  // namespace autonorm::cli
