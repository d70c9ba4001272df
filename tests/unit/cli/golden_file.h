// Compares a text with a golden file; AUTONORM_BLESS=1 writes the file instead.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/durable_file.h"

namespace autonorm {

inline void expect_golden(const std::string& text, const std::filesystem::path& path) {
  if (std::getenv("AUTONORM_BLESS") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  const auto expected = read_file(path);
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  EXPECT_EQ(text, *expected) << "differs from " << path
                             << "; when that is wanted: AUTONORM_BLESS=1 build/tests/cli_tests";
}

}  // namespace autonorm
