// How busy the machine is with other programs: times that were measured beside them say little about ours.
#pragma once

namespace autonorm::testing {

// Since the construction. Reads /proc/stat, which covers the whole machine, also inside a container.
class OtherPrograms {
 public:
  OtherPrograms() : before_(now()) {}
  // Of the machine's processor time, used by others than this process; in [0, 1].
  double share() const;

 private:
  struct Used {
    double all = 0, busy = 0, own = 0;  // processor seconds
  };
  static Used now();

  const Used before_;
};

}  // namespace autonorm::testing
