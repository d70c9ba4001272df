#include "core/base/cache_size.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/server/temporary_folder.h"

namespace autonorm {
namespace {

void list_cache(const std::filesystem::path& caches, int index, const std::string& level, const std::string& size) {
  const auto folder = caches / ("index" + std::to_string(index));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "level") << level << "\n";
  std::ofstream(folder / "size") << size << "\n";
}

TEST(CacheSize, IsThatOfTheHighestLevel) {
  const TemporaryFolder caches;
  list_cache(caches.path(), 0, "1", "32K");
  list_cache(caches.path(), 1, "1", "32K");
  list_cache(caches.path(), 2, "2", "1024K");
  EXPECT_EQ(last_level_cache_bytes(caches.path()), int64_t{1} << 20);
  list_cache(caches.path(), 3, "3", "32M");
  EXPECT_EQ(last_level_cache_bytes(caches.path()), int64_t{32} << 20);
}

TEST(CacheSize, IsUnknownWhereNoneIsListed) {
  const TemporaryFolder caches;
  EXPECT_EQ(last_level_cache_bytes(caches.path()), std::nullopt);
  list_cache(caches.path(), 0, "1", "no size");
  EXPECT_EQ(last_level_cache_bytes(caches.path()), std::nullopt);
}

}  // namespace
}  // namespace autonorm
