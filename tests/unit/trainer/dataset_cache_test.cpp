#include "worker/trainer/dataset_cache.h"

#include <gtest/gtest.h>

namespace autonorm::trainer {
namespace {

data::DataRoots own_data() { return {{std::filesystem::path(AUTONORM_SOURCE_DIR) / "data"}}; }

TEST(DatasetCache, TheSameConfigurationGetsTheSameData) {
  DatasetCache cache(own_data());
  const auto first = cache.get({});
  ASSERT_TRUE(first.ok()) << first.status().message();
  const void* const images = (*first)->train.images.data_ptr();
  const auto again = cache.get({});
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ((*again)->train.images.data_ptr(), images);
}

// It took the data of the trial before, in that one's scale.
TEST(DatasetCache, AnotherPixelRangeIsAnotherDataSet) {
  DatasetCache cache(own_data());
  config::DataConfig config;
  config.pixels = config::PixelRange::kSigned;
  ASSERT_TRUE(cache.get(config).ok());
  config.pixels = config::PixelRange::kUnit;
  const auto unit = cache.get(config);
  ASSERT_TRUE(unit.ok()) << unit.status().message();
  EXPECT_EQ((*unit)->scale.range, config::PixelRange::kUnit);
}

}  // namespace
}  // namespace autonorm::trainer
