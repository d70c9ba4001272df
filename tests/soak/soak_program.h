// The frame of a fault program: its arguments, its one line, its exit status.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace autonorm::soak {

struct Options {
  int64_t count = 0;
  uint64_t seed = 1;
  bool full = false;  // also the times of the specification must hold, which depend on the machine
};

struct Outcome {
  std::string counts;                      // the line, e.g. "1000 cut, 0 corrupt"
  std::vector<std::string> failures = {};  // what was violated, and where; empty = the invariant held
};

// Reads `--count N --seed S [--full]` (N ≥ 1), runs `body` and prints "ID TITLE: counts". Failures are printed before
// that line, each with the seed. Returns the exit status: 0 held, 1 violated, 2 wrong usage.
int run_program(int argument_count, char** arguments, std::string_view title,
                const std::function<Outcome(const Options&)>& body);

}  // namespace autonorm::soak
