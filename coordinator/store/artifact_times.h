// When artifacts were used, on a time line that a jump of the wall clock does not bend: it starts with the wall clock
// (or with the newest file, where that is ahead) and then goes on with the steady one. Files carry it as their time of
// modification, so that a restart goes on from it.
//
// What an earlier process left behind has its age from a wall clock that may have jumped since. It is judged as of the
// moment when that process stopped using files until this one has been there as long as the age asked for: whoever
// still counts on such a file has come back and said so by then.
#pragma once
#include <chrono>

#include "core/base/clock.h"

namespace autonorm::store {

// Thread-safe. `clock` must outlive it.
class ArtifactTimes {
 public:
  // `newest`: time of the newest file there is; the beginning of time when there is none.
  ArtifactTimes(const Clock& clock, WallTime newest);

  // What is used now carries this.
  WallTime now() const;
  // What was used before this has not been used for `age`.
  WallTime unused_since(std::chrono::microseconds age) const;

 private:
  std::chrono::microseconds elapsed() const;

  const Clock& clock_;
  const Now start_;
  const WallTime first_;   // of this process
  const WallTime newest_;  // of an earlier one; first_ when there is none
};

}  // namespace autonorm::store
