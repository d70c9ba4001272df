#include "core/data/fixed_split.h"

#include <algorithm>
#include <array>

#include "core/base/philox.h"
#include "core/base/status.h"

namespace autonorm::data {
namespace {

constexpr size_t kLabels = 256;

// How many samples each label gives.
std::array<int64_t, kLabels> quotas(const std::array<int64_t, kLabels>& per_label, int64_t total, int64_t count) {
  std::array<int64_t, kLabels> quota{};
  std::vector<std::pair<int64_t, size_t>> remainders;  // (−remainder, label): sorting puts the largest first
  int64_t given = 0;
  for (size_t label = 0; label < kLabels; ++label) {
    quota[label] = per_label[label] * count / std::max<int64_t>(total, 1);
    given += quota[label];
    remainders.emplace_back(-(per_label[label] * count % std::max<int64_t>(total, 1)), label);
  }
  std::ranges::sort(remainders);
  for (size_t i = 0; given < count; ++i, ++given) ++quota[remainders[i].second];
  return quota;
}

}  // namespace

IndexSplit pick_stratified(const std::vector<uint8_t>& labels, int64_t count, std::string_view name) {
  const auto total = static_cast<int64_t>(labels.size());
  AUTONORM_CHECK(count >= 0 && count <= total, "cannot pick ", count, " of ", total, " samples");
  std::array<int64_t, kLabels> per_label{};
  for (const uint8_t label : labels) ++per_label[label];
  auto quota = quotas(per_label, total, count);
  IndexSplit split;
  for (const int64_t index : RandomStream(0, "split", name).permutation(total)) {
    int64_t& left = quota[labels[static_cast<size_t>(index)]];
    (left > 0 ? split.picked : split.rest).push_back(index);
    if (left > 0) --left;
  }
  std::ranges::sort(split.picked);
  std::ranges::sort(split.rest);
  return split;
}

}  // namespace autonorm::data
