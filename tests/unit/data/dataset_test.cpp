#include "core/data/dataset.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>

#include <cstdlib>
#include <set>

#include "core/base/durable_file.h"
#include "core/base/sha256.h"
#include "core/config/catalogue.h"
#include "gmock/gmock.h"
#include "tests/unit/data/sample_files.h"

namespace autonorm::data {
namespace {

using config::DataConfig;
using config::DataSource;
using testing::AllOf;
using testing::HasSubstr;

DataConfig own_idx(const std::string& path) {
  DataConfig config;
  config.source = DataSource::kIdx;
  config.path = path;
  config.val_fraction = 0.2;
  return config;
}

// The folders that may hold real data: AUTONORM_DATA and the checkout's own.
DataRoots real_roots() {
  DataRoots roots{{std::filesystem::path(AUTONORM_SOURCE_DIR) / "data",
                   std::filesystem::path(AUTONORM_SOURCE_DIR) / "../shared/data"}};
  if (const char* variable = std::getenv("AUTONORM_DATA")) roots.folders.insert(roots.folders.begin(), variable);
  return roots;
}

Result<Dataset> load_real(DataSource source) {
  DataConfig config;
  config.source = source;
  return load_dataset(config, real_roots());
}

// The bytes of each image with its label, so that splits can be compared as sets.
std::multiset<std::string> samples(const Split& split) {
  std::multiset<std::string> out;
  for (int64_t i = 0; i < split.size(); ++i) {
    const at::Tensor image = split.images[i].contiguous();
    std::string bytes(static_cast<const char*>(image.const_data_ptr()), static_cast<size_t>(image.numel()));
    out.insert(bytes + std::to_string(split.labels[i].item<int64_t>()));
  }
  return out;
}

TEST(OwnIdx, SplitsTrainAndKeepsTest) {
  const SampleFolder folder;
  write_idx_set(folder, "mine");
  const auto data = load_dataset(own_idx("mine"), {{"/nonexistent", folder.path()}});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->train.size(), 40);
  EXPECT_EQ(data->val.size(), 10);
  EXPECT_EQ(data->test.size(), 20);
  EXPECT_EQ(data->classes, 5);
  EXPECT_EQ(data->train.images.sizes(), (std::vector<int64_t>{40, 1, 3, 4}));
  EXPECT_EQ(data->scale.white, 255);
}

TEST(OwnIdx, TrainAndValAreDisjointAndTogetherTheTrainingFile) {
  const SampleFolder folder;
  write_idx_set(folder, "mine");
  auto config = own_idx("mine");
  const auto split = load_dataset(config, {{folder.path()}});
  config.val_fraction = 0;
  const auto whole = load_dataset(config, {{folder.path()}});
  ASSERT_TRUE(split.ok() && whole.ok());
  EXPECT_EQ(whole->val.size(), 0);
  auto together = samples(split->train);
  together.merge(samples(split->val));
  EXPECT_EQ(together, samples(whole->train));
}

TEST(OwnIdx, TheLimitIsAppliedBeforeTheValidationSplit) {
  const SampleFolder folder;
  write_idx_set(folder, "mine");
  auto config = own_idx("mine");
  config.train_limit = 20;
  const auto data = load_dataset(config, {{folder.path()}});
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->train.size(), 16);
  EXPECT_EQ(data->val.size(), 4);
  EXPECT_EQ(data->test.size(), 20);
}

TEST(OwnIdx, TheFingerprintIsThatOfTheFourContents) {
  const SampleFolder folder;
  write_idx_set(folder, "mine");
  auto config = own_idx((folder.path() / "mine").string());
  const auto expected = sha256(idx_bytes({50, 3, 4}) + idx_bytes({50}, 5) + idx_bytes({20, 3, 4}) + idx_bytes({20}, 5));
  config.sha256 = expected.value();
  const auto data = load_dataset(config, {});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->fingerprint, expected);
  config.sha256[0] = config.sha256[0] == '0' ? '1' : '0';
  const auto other = load_dataset(config, {});
  ASSERT_EQ(other.status().code(), Code::kInvalid);
  EXPECT_THAT(other.status().message(), AllOf(HasSubstr(config.sha256), HasSubstr(expected.value())));
}

TEST(OwnIdx, TestImagesOfAnotherSizeAreRefused) {
  const SampleFolder folder;
  write_idx_set(folder, "mine");
  folder.write("mine/t10k-images-idx3-ubyte.gz", gzip(idx_bytes({20, 4, 3})));
  const auto data = load_dataset(own_idx("mine"), {{folder.path()}});
  ASSERT_EQ(data.status().code(), Code::kInvalid);
  EXPECT_THAT(data.status().message(),
              AllOf(HasSubstr("t10k-images-idx3-ubyte.gz"), HasSubstr("3 x 4"), HasSubstr("4 x 3")));
}

TEST(Dataset, MissingDataIsNotFoundAndListsTheFoldersAndTheRemedy) {
  const SampleFolder folder;
  DataConfig config;
  config.source = DataSource::kFashionMnist;
  const auto data = load_dataset(config, {{"/first/root", folder.path()}});
  ASSERT_EQ(data.status().code(), Code::kNotFound);
  EXPECT_THAT(data.status().message(), AllOf(HasSubstr("fashion-mnist"), HasSubstr("/first/root/fashion-mnist"),
                                             HasSubstr(folder.path().string()), HasSubstr("AUTONORM_DATA")));
}

TEST(Dataset, AnIncompleteFolderNamesTheMissingFile) {
  const SampleFolder folder;
  write_idx_set(folder, "mine");
  std::filesystem::remove(folder.path() / "mine/t10k-labels-idx1-ubyte");
  const auto data = load_dataset(own_idx("mine"), {{folder.path()}});
  ASSERT_EQ(data.status().code(), Code::kNotFound);
  EXPECT_THAT(data.status().message(), HasSubstr("neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz"));
}

TEST(Dataset, WrongContentUnderAPublicNameIsRefusedWithBothHashes) {
  const SampleFolder folder;
  write_idx_set(folder, "mnist");
  DataConfig config;
  config.source = DataSource::kMnist;
  const auto data = load_dataset(config, {{folder.path()}});
  ASSERT_EQ(data.status().code(), Code::kInvalid);
  EXPECT_THAT(data.status().message(),
              AllOf(HasSubstr("train-images-idx3-ubyte: wrong content"),
                    HasSubstr(std::string(config::find_data_set(DataSource::kMnist)->files[0].sha256)),
                    HasSubstr(sha256(idx_bytes({50, 3, 4})).value())));
}

TEST(Dataset, AFractionOutOfRangeIsRefused) {
  DataConfig config;
  config.val_fraction = 0.75;
  EXPECT_THAT(load_dataset(config, {}).status().message(), HasSubstr("[0, 0.5]"));
}

TEST(RealData, DigitsAreSplitInto1437And360) {
  const auto data = load_real(DataSource::kDigits);
  if (!data.ok() && data.status().code() == Code::kNotFound) GTEST_SKIP() << data.status().message();
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->test.size(), 360);
  EXPECT_EQ(data->train.size() + data->val.size(), 1437);
  EXPECT_EQ(data->val.size(), 144);
  EXPECT_EQ(data->scale.white, 16);
  EXPECT_EQ(data->train.images.max().item<int>(), 16);
  // scikit-learn's file has its classes in nearly equal parts; a stratified test set has them, too.
  EXPECT_GE(data->test.labels.bincount({}, 10).min().item<int64_t>(), 34);
}

TEST(RealData, ADamagedDigitsFileIsNoticed) {
  const auto roots = real_roots();
  const auto source = std::filesystem::path(AUTONORM_SOURCE_DIR) / "data/digits/digits.csv.gz";
  if (!std::filesystem::exists(source)) GTEST_SKIP() << source << " does not exist; run ./deploy/setup";
  const SampleFolder folder;
  const auto bytes = read_file(source);
  ASSERT_TRUE(bytes.ok());
  folder.write("digits/digits.csv.gz", bytes->substr(0, bytes->size() / 2));
  const auto data = load_dataset({}, {{folder.path()}});
  ASSERT_EQ(data.status().code(), Code::kInvalid);
  EXPECT_THAT(data.status().message(), AllOf(HasSubstr("digits.csv.gz"), HasSubstr("truncated")));
}

class PublicIdx : public testing::TestWithParam<DataSource> {};

TEST_P(PublicIdx, HasTheCataloguesShapeAndContent) {
  const auto& known = *config::find_data_set(GetParam());
  const auto data = load_real(GetParam());
  if (!data.ok() && data.status().code() == Code::kNotFound) GTEST_SKIP() << data.status().message();
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->train.size() + data->val.size(), known.train_samples);
  EXPECT_EQ(data->test.size(), known.test_samples);
  EXPECT_EQ(data->test.images.sizes(), (std::vector<int64_t>{10000, 1, 28, 28}));
  EXPECT_EQ(data->fingerprint.value(), known.fingerprint);
  EXPECT_EQ(data->test.labels.bincount({}, 10).numel(), 10);
}

INSTANTIATE_TEST_SUITE_P(RealData, PublicIdx, testing::Values(DataSource::kMnist, DataSource::kFashionMnist),
                         [](const auto& info) { return info.param == DataSource::kMnist ? "Mnist" : "FashionMnist"; });

TEST(Catalogue, OfDataSetsIsWhatTheLoaderKnows) {
  for (const auto& known : config::data_sets()) {
    DataConfig config;
    config.source = known.source;
    const auto data = load_dataset(config, {{"/nonexistent"}});
    EXPECT_EQ(data.status().code(), Code::kNotFound) << known.kind.name;
    EXPECT_THAT(data.status().message(), HasSubstr(std::string(known.kind.name)));
    EXPECT_THAT(data.status().message(), HasSubstr(std::string(known.files[0].name)));
  }
}

}  // namespace
}  // namespace autonorm::data
