// A table of numbers, and a data set made of it. The expected splits are numpy's:
//   numpy.random.RandomState(42).permutation(n)
#include "core/data/table.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <functional>

#include "core/base/sha256.h"
#include "core/data/dataset.h"
#include "core/data/numpy_permutation.h"
#include "gmock/gmock.h"
#include "tests/unit/data/sample_files.h"

namespace autonorm::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string table_error(const std::string& text) {
  const SampleFolder folder;
  const auto file = folder.write("bad.csv", text);
  const auto table = read_table(file);
  EXPECT_FALSE(table.ok()) << text;
  if (table.ok()) return "";
  EXPECT_THAT(table.status().message(), HasSubstr(file.string()));
  return table.status().message();
}

TEST(NumpyPermutation, IsNumpys) {
  EXPECT_THAT(numpy_permutation(42, 2), ElementsAre(1, 0));
  EXPECT_THAT(numpy_permutation(42, 5), ElementsAre(1, 4, 2, 0, 3));
  EXPECT_THAT(numpy_permutation(42, 10), ElementsAre(8, 1, 5, 0, 7, 2, 9, 4, 3, 6));
  std::vector<int64_t> order = numpy_permutation(42, 768);
  order.resize(8);
  EXPECT_THAT(order, ElementsAre(668, 324, 624, 690, 473, 204, 97, 336));
  EXPECT_TRUE(numpy_permutation(42, 0).empty());
}

TEST(Table, ReadsNamesNumbersAndBlanks) {
  const SampleFolder folder;
  const std::string text = "\xEF\xBB\xBF\"age\", income ,y\r\n1,2.5,-3e2\r\n\r\n +4 ,\t5,0\n";
  for (const auto& file : {folder.write("plain.csv", text), folder.write("packed.csv.gz", gzip(text))}) {
    const auto table = read_table(file);
    ASSERT_TRUE(table.ok()) << table.status().message();
    EXPECT_THAT(table->names, ElementsAre("age", "income", "y"));
    EXPECT_THAT(table->values, ElementsAre(1, 2.5, -300, 4, 5, 0));
    EXPECT_THAT(table->lines, ElementsAre(2, 4));
    EXPECT_EQ(table->digest, sha256(text));
    EXPECT_EQ(*find_column(*table, ""), 2);
    EXPECT_EQ(*find_column(*table, "income"), 1);
    EXPECT_EQ(*find_column(*table, "1"), 0);
    EXPECT_THAT(find_column(*table, "4").status().message(), HasSubstr("allowed: age, income, y, or a number from 1"));
  }
  EXPECT_TRUE(read_table(folder.write("bare.csv", "1,2\n3,4"))->names.empty());
}

TEST(Table, ABadCellIsNamedByLineAndColumn) {
  EXPECT_THAT(table_error("a,b\n1,2\n3,x\n"), HasSubstr("line 3, column 2 ('b'): expected a finite number, found 'x'"));
  EXPECT_THAT(table_error("1,2\n3,\n"), HasSubstr("line 2, column 2: expected a number, found an empty cell"));
  EXPECT_THAT(table_error("1,2\nnan,4\n"), HasSubstr("line 2, column 1: expected a finite number, found 'nan'"));
  EXPECT_THAT(table_error("1,2\n3,1e999\n"), HasSubstr("line 2, column 2: expected a finite number"));
  EXPECT_THAT(table_error("1,2\n3,4,5\n"), HasSubstr("line 2: expected 2 columns as in the first line, found 3"));
  EXPECT_THAT(table_error("age,3\n1,2\n"), HasSubstr("line 1, column 1: expected a finite number, found 'age'"));
  EXPECT_THAT(table_error("1\n2\n"), HasSubstr("expected at least two columns"));
  EXPECT_THAT(table_error("a,b\n"), HasSubstr("found no sample"));
  EXPECT_THAT(table_error(""), HasSubstr("found no sample"));
  EXPECT_THAT(table_error("1,2\n3," + std::string(1000, 'x')), HasSubstr("…"));
}

config::DataConfig csv(const std::string& path, config::Task task) {
  config::DataConfig config;
  config.source = config::DataSource::kCsv;
  config.path = path;
  config.task = task;
  config.val_fraction = 0;
  return config;
}

// Ten lines: x = 0, 10, …, 90, a constant, and y.
std::string ten_lines(const std::function<double(int)>& y) {
  std::string text = "x,same,y\n";
  for (int i = 0; i < 10; ++i) text += std::to_string(10 * i) + ",7," + std::to_string(y(i)) + "\n";
  return text;
}

TEST(TableDataset, SplitsAndStandardisesAsScikitLearn) {
  const SampleFolder folder;
  folder.write("sub/ten.csv", ten_lines([](int i) { return 100.0 + i * i; }));
  const auto data = load_dataset(csv("sub/ten.csv", config::Task::kRegression), {{"/nonexistent", folder.path()}});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->classes, 1);
  EXPECT_EQ(data->train.images.sizes(), (std::vector<int64_t>{8, 1, 1, 2}));
  ASSERT_EQ(data->test.size(), 2);  // lines 8 and 1 of the permutation above
  const double mean = (0 + 20 + 30 + 40 + 50 + 60 + 70 + 90) / 8.0;
  double square = 0, y_mean = 0, y_square = 0;
  for (const int i : {0, 2, 3, 4, 5, 6, 7, 9}) square += std::pow(10 * i - mean, 2) / 8, y_mean += (100.0 + i * i) / 8;
  for (const int i : {0, 2, 3, 4, 5, 6, 7, 9}) y_square += std::pow(100 + i * i - y_mean, 2) / 8;
  EXPECT_NEAR(data->test.images[0][0][0][0].item<double>(), (10 - mean) / std::sqrt(square), 1e-6);
  EXPECT_NEAR(data->test.images[1][0][0][0].item<double>(), (80 - mean) / std::sqrt(square), 1e-6);
  EXPECT_EQ(data->test.images[0][0][0][1].item<double>(), 0.0);  // the constant
  EXPECT_NEAR(data->test.labels[1].item<double>(), (164 - y_mean) / std::sqrt(y_square), 1e-6);
  EXPECT_NEAR(data->real_target->mean, y_mean, 1e-9);
  EXPECT_NEAR(data->real_target->deviation, std::sqrt(y_square), 1e-9);
}

TEST(TableDataset, TargetsMayStayInTheirUnit) {
  const SampleFolder folder;
  folder.write("ten.csv", ten_lines([](int i) { return 100.0 + i; }));
  config::DataConfig config = csv((folder.path() / "ten.csv").string(), config::Task::kRegression);
  config.standardise_target = false;
  const auto data = load_dataset(config, {});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->test.labels[0].item<float>(), 101.0F);
  EXPECT_EQ(data->real_target->deviation, 1.0);
}

TEST(TableDataset, ClassesAreWholeNumbers) {
  const SampleFolder folder;
  folder.write("ten.csv", ten_lines([](int i) { return i % 3; }));
  config::DataConfig config = csv("ten.csv", config::Task::kClassification);
  config.val_fraction = 0.25;
  const auto data = load_dataset(config, {{folder.path()}});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->classes, 3);
  EXPECT_EQ(data->train.size(), 6);
  EXPECT_EQ(data->val.size(), 2);
  EXPECT_EQ(data->test.labels[0].item<int64_t>(), 1);
  EXPECT_FALSE(data->real_target);
  folder.write("half.csv", ten_lines([](int i) { return i == 4 ? 0.5 : 1; }));
  const auto half = load_dataset(csv("half.csv", config::Task::kClassification), {{folder.path()}});
  EXPECT_THAT(half.status().message(),
              AllOf(HasSubstr("half.csv: line 6, column 3 ('y'): expected a class"), HasSubstr("found 0.5")));
  folder.write("one.csv", ten_lines([](int) { return 0; }));
  EXPECT_THAT(load_dataset(csv("one.csv", config::Task::kClassification), {{folder.path()}}).status().message(),
              HasSubstr("has one class"));
}

TEST(TableDataset, ContentAndTargetAreChecked) {
  const SampleFolder folder;
  const std::string text = ten_lines([](int i) { return i % 2; });
  folder.write("ten.csv", text);
  config::DataConfig config = csv("ten.csv", config::Task::kClassification);
  config.sha256 = sha256(text).value();
  EXPECT_EQ(load_dataset(config, {{folder.path()}})->fingerprint, sha256(text));
  config.sha256[0] = config.sha256[0] == '0' ? '1' : '0';
  EXPECT_THAT(load_dataset(config, {{folder.path()}}).status().message(), HasSubstr("data.sha256 expects"));
  config.sha256.clear();
  config.target = "z";
  EXPECT_THAT(load_dataset(config, {{folder.path()}}).status().message(), HasSubstr("data.target = 'z' is no column"));
  config.path = "none.csv";
  EXPECT_EQ(load_dataset(config, {{folder.path()}}).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace autonorm::data
