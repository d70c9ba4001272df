// Walks from beginning to end, and the shortest that still fails.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "tests/support/cluster_walk.h"

namespace autonorm::testing {

std::vector<std::string> run_walk(const std::vector<WalkOperation>& operations, const ClusterOptions& options) {
  ::testing::TestPartResultArray results;
  std::vector<std::string> findings;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    ClusterWalk walk(options);
    for (size_t i = 0; i < operations.size() && walk.findings().empty() && results.size() == 0; ++i)
      walk.step(operations[i]);
    if (walk.findings().empty() && results.size() == 0) walk.settle();
    findings = walk.findings();
  }
  for (int i = 0; i < results.size(); ++i) findings.emplace_back(results.GetTestPartResult(i).message());
  return findings;
}

std::vector<WalkOperation> shrink_walk(std::vector<WalkOperation> walk, const ClusterOptions& options) {
  for (size_t length = walk.size() / 2; length > 0; length /= 2) {
    for (size_t begin = 0; begin + length <= walk.size();) {
      std::vector<WalkOperation> shorter = walk;
      const auto from = shorter.begin() + static_cast<std::ptrdiff_t>(begin);
      shorter.erase(from, from + static_cast<std::ptrdiff_t>(length));
      if (run_walk(shorter, options).empty()) {
        begin += length;
      } else {
        walk = std::move(shorter);
      }
    }
  }
  return walk;
}

}  // namespace autonorm::testing
