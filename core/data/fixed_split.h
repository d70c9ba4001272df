// Splits that are the same for every seed, so that trials of one sweep share train, validation and test samples.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace autonorm::data {

struct IndexSplit {
  std::vector<int64_t> rest;    // ascending
  std::vector<int64_t> picked;  // ascending
};

// Picks `count` of the samples at random, stratified: every label gives its share, rounded by largest remainder (ties
// to the smaller label). The choice depends on labels, count and `name` only (Philox stream "split"/name). Requires 0
// <= count <= labels.size().
IndexSplit pick_stratified(const std::vector<uint8_t>& labels, int64_t count, std::string_view name);

}  // namespace autonorm::data
