// Counts trials once that several rows show. A report asks for it in each of a hundred thousand rows.
#pragma once
#include <cstdint>
#include <vector>

#include "core/base/ids.h"

namespace autonorm::report {

class DistinctTrials {
 public:
  // `most`: as many trials as there may be.
  explicit DistinctTrials(size_t most);
  // False when it is known already. The id must outlive this.
  bool insert(const TrialId& trial);
  size_t size() const { return count_; }

 private:
  struct Slot {
    uint64_t hash = 0;
    const TrialId* trial = nullptr;
  };
  std::vector<Slot> slots_;  // open addressing; a power of two, at most half full
  size_t count_ = 0;
};

}  // namespace autonorm::report
