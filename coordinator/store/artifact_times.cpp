#include "coordinator/store/artifact_times.h"

#include <algorithm>

namespace autonorm::store {

ArtifactTimes::ArtifactTimes(const Clock& clock, WallTime newest)
    : clock_(clock),
      start_(clock.now()),
      first_(std::max(start_.wall, newest)),
      newest_(newest == WallTime::min() ? first_ : newest) {}

std::chrono::microseconds ArtifactTimes::elapsed() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(clock_.now().steady - start_.steady);
}

WallTime ArtifactTimes::now() const { return first_ + elapsed(); }

WallTime ArtifactTimes::unused_since(std::chrono::microseconds age) const {
  const auto passed = elapsed();
  const WallTime since = passed < age ? newest_ : first_;
  return since + passed - age;
}

}  // namespace autonorm::store
