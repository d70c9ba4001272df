#include "core/data/fixed_split.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "gmock/gmock.h"

namespace autonorm::data {
namespace {

std::vector<uint8_t> labels_0_to_9(size_t count) {
  std::vector<uint8_t> labels(count);
  for (size_t i = 0; i < count; ++i) labels[i] = static_cast<uint8_t>(i * i % 10);  // uneven: 0, 1, 4, 5, 6, 9 only
  return labels;
}

TEST(FixedSplit, EverySampleIsOnOneSideAndInOrder) {
  const auto labels = labels_0_to_9(1000);
  for (const int64_t count : {0, 1, 137, 999, 1000}) {
    const IndexSplit split = pick_stratified(labels, count, "test");
    EXPECT_EQ(static_cast<int64_t>(split.picked.size()), count);
    EXPECT_TRUE(std::ranges::is_sorted(split.picked));
    EXPECT_TRUE(std::ranges::is_sorted(split.rest));
    std::vector<int64_t> all, expected(labels.size());
    std::ranges::merge(split.picked, split.rest, std::back_inserter(all));
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(all, expected);
  }
}

TEST(FixedSplit, EveryLabelGivesItsShare) {
  const auto labels = labels_0_to_9(1000);
  std::map<uint8_t, int> total, picked;
  for (const uint8_t label : labels) ++total[label];
  for (const int64_t index : pick_stratified(labels, 130, "test").picked) ++picked[labels[static_cast<size_t>(index)]];
  for (const auto& [label, count] : total) EXPECT_NEAR(picked[label], count * 0.13, 1.0) << int{label};
}

TEST(FixedSplit, IsTheSameEachTimeAndAnotherForAnotherName) {
  const auto labels = labels_0_to_9(500);
  const auto first = pick_stratified(labels, 100, "mnist/val");
  EXPECT_EQ(first.picked, pick_stratified(labels, 100, "mnist/val").picked);
  EXPECT_NE(first.picked, pick_stratified(labels, 100, "mnist/test").picked);
}

}  // namespace
}  // namespace autonorm::data
