#include "coordinator/report/distinct_trials.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/base/status.h"

namespace autonorm::report {
namespace {

// An id is the text of a hash: some of its digits are as good as all.
uint64_t hash_of(const TrialId& trial) {
  uint64_t words[2] = {};
  const std::string& text = trial.value();
  std::memcpy(words, text.data(), std::min(text.size(), sizeof words));
  const uint64_t mixed = words[0] * 0x9e3779b97f4a7c15 ^ words[1] * 0xc2b2ae3d27d4eb4f;
  return mixed ^ mixed >> 32;
}

}  // namespace

DistinctTrials::DistinctTrials(size_t most) : slots_(std::bit_ceil(2 * most + 2)) {}

bool DistinctTrials::insert(const TrialId& trial) {
  const uint64_t hash = hash_of(trial);
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    Slot& slot = slots_[i];
    if (slot.trial == nullptr) {
      ++count_;
      AUTONORM_CHECK(2 * count_ <= slots_.size(), "more trials than there were said to be");
      slot = {hash, &trial};
      return true;
    }
    if (slot.hash == hash && *slot.trial == trial) return false;
  }
}

}  // namespace autonorm::report
