// Random sequences of operations (submit, cancel, pause, resume, retry, drain, attach, silence, reports doubled and out
// of order, crashes) beside a small model; a failing sequence is shortened and printed. Sequence i has seed S ·
// 1,000,000 + i.
#include <algorithm>

#include "tests/soak/soak_program.h"
#include "tests/support/cluster_walk.h"
#include "tests/support/fault_disk.h"

namespace autonorm::soak {
namespace {

constexpr size_t kLength = 60;

std::string story(const std::vector<testing::WalkOperation>& walk) {
  std::string text;
  for (const auto& operation : walk) text += cat("\n  ", testing::describe(operation));
  return text;
}

Outcome walks_agree_with_the_model(const Options& options) {
  const testing::FaultDisk disk;  // never fails here; it saves the fsyncs
  const testing::ClusterOptions cluster{.limits = testing::walk_limits(), .reopen = false, .replay = false};
  Outcome outcome;
  int64_t done = 0;
  for (; done < options.count && outcome.failures.empty(); ++done) {
    const uint64_t seed = options.seed * 1'000'000 + static_cast<uint64_t>(done);
    const auto walk = testing::make_walk(seed, kLength);
    if (testing::run_walk(walk, cluster).empty()) continue;
    const auto shortest = testing::shrink_walk(walk, cluster);
    outcome.failures.push_back(
        cat("sequence ", seed, ": ", testing::run_walk(shortest, cluster).front(), "\nafter", story(shortest)));
  }
  outcome.counts = cat(done, " sequences of ", kLength, " operations, ", outcome.failures.size(), " disagreed");
  return outcome;
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "Random walks", autonorm::soak::walks_agree_with_the_model);
}
