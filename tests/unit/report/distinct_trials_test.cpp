#include "coordinator/report/distinct_trials.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "coordinator/report/in_parallel.h"
#include "core/base/sha256.h"

namespace autonorm::report {
namespace {

TEST(DistinctTrials, CountsEachTrialOnce) {
  std::vector<TrialId> trials;
  for (int i = 0; i < 1000; ++i) trials.emplace_back(sha256(std::to_string(i)).value());
  for (const char* odd : {"", "a", "ab", "0123456789abcdef", "0123456789abcdef0", "0123456789abcdef1"})
    trials.emplace_back(odd);
  const std::vector<TrialId> again = trials;
  DistinctTrials counted(trials.size());
  for (const TrialId& trial : trials) EXPECT_TRUE(counted.insert(trial)) << trial;
  for (const TrialId& trial : again) EXPECT_FALSE(counted.insert(trial)) << trial;
  EXPECT_EQ(counted.size(), trials.size());
}

TEST(DistinctTrials, NoneAtAll) { EXPECT_EQ(DistinctTrials(0).size(), 0u); }

TEST(InParallel, PartsComeInOrder) {
  for (const size_t count : {0, 1, 63, 64, 200, 1001}) {
    const auto parts = in_parallel<size_t>(count, [](size_t i) { return i * i; });
    ASSERT_EQ(parts.size(), count);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(parts[i], i * i);
  }
}

TEST(InParallel, AFailureOfOnePartIsThrownOn) {
  for (const size_t bad : {0, 999}) {
    EXPECT_THROW(in_parallel<int>(1000, [bad](size_t i) { return i == bad ? throw std::runtime_error("x") : 0; }),
                 std::runtime_error);
  }
}

}  // namespace
}  // namespace autonorm::report
