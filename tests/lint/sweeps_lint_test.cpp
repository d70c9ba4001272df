// Every sweep file in sweeps/ expands to trials.
#include <gtest/gtest.h>

#include <filesystem>

#include "core/config/sweep.h"

namespace autonorm::config {
namespace {

TEST(SweepsLint, EverySweepFileExpands) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(AUTONORM_SOURCE_DIR "/sweeps")) {
    if (entry.path().extension() != ".toml") continue;
    ++files;
    const auto source = load_sweep_source(entry.path().string());
    ASSERT_TRUE(source.ok()) << source.status().message();
    const auto sweep = expand_sweep(*source);
    ASSERT_TRUE(sweep.ok()) << sweep.status().message();
    EXPECT_FALSE(sweep->cells.empty()) << entry.path() << ":1: a sweep has cells";
    EXPECT_FALSE(sweep->question.empty()) << entry.path() << ":1: a sweep states its question";
  }
  EXPECT_GE(files, 2) << "sweeps/quickstart.toml and sweeps/ablation.toml at least";
}

}  // namespace
}  // namespace autonorm::config
