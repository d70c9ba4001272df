// What the benchmark measures, one function per story. Each talks to a coordinator process of its own over gRPC.
#pragma once
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/calibration.h"

namespace autonorm::bench {

struct Sizes {
  int variants = 10, columns = 2'000, seeds = 5;  // of a sweep: cells of the report = variants × columns
  std::chrono::milliseconds span{5'000};          // of measurements that take as long as they are told to
  std::chrono::milliseconds calibration{1'000};
  int64_t most_queued = 100'000;  // of the scheduling cost
  int most_workers = 1'000;
  int64_t decisions = 2'000;
};
Sizes tiny();  // all of it in a few seconds, for a smoke test; its numbers mean nothing

enum class Direction { kAtLeast, kAtMost };
enum class Beside { kNothing, kFsyncs, kRpcs, kSpawns };
struct Number {
  std::string name;
  double value = 0;
  std::string unit;
  std::optional<double> target = {};  // absent: reported only
  Direction direction = Direction::kAtLeast;
  Beside beside = Beside::kNothing;  // the calibration that it is divided by; times are turned into rates first
  std::string note = {};
};
using Numbers = std::vector<Number>;

struct Setting {
  std::filesystem::path program;  // coordinator
  std::filesystem::path folder;   // state directories go below it
  Sizes sizes;
};

// Submit, restart, memory, no-op trials, report: on one state directory, one after the other.
Numbers measure_sweeps(const Setting& setting);
Numbers measure_full_reports(const Setting& setting);
Numbers measure_metrics(const Setting& setting);
Numbers measure_scheduling(const Setting& setting);

// Per second; 0 for kNothing.
double rate_of(Beside beside, const Calibration& calibration);
// Value ÷ calibration, larger = better; absent where there is none.
std::optional<double> ratio(const Number& number, const Calibration& calibration);
bool meets(const Number& number);

}  // namespace autonorm::bench
