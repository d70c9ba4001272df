// Random sequences of operations beside a small model; a failing one is shortened and printed. The full count, 10,000
// sequences, is a row of tests/soak/faults.tsv.
#include <gtest/gtest.h>

#include "tests/support/cluster_walk.h"

namespace autonorm::testing {
namespace {

constexpr uint64_t kSequences = 40;
constexpr size_t kLength = 60;

std::string story(const std::vector<WalkOperation>& walk) {
  std::string text;
  for (const WalkOperation& operation : walk) text += cat("  ", describe(operation), "\n");
  return text;
}

void run_walks(uint64_t first, uint64_t count, const ClusterOptions& options) {
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const auto walk = make_walk(seed, kLength);
    if (run_walk(walk, options).empty()) continue;
    const auto shortest = shrink_walk(walk, options);
    FAIL() << "seed " << seed << ": " << run_walk(shortest, options).front() << "\nafter\n" << story(shortest);
  }
}

TEST(RandomWalk, TheModelAgreesAfterEveryStepAndEverythingEnds) {
  run_walks(1, kSequences, {.limits = walk_limits(), .reopen = false, .replay = false});
}

TEST(RandomWalk, AlsoWhenEachRestartOpensTheDatabaseAnew) {
  run_walks(100'001, 4, {.limits = walk_limits(), .replay = false});
}

}  // namespace
}  // namespace autonorm::testing
