// How often a variant that equals its baseline is called `better` or `worse` when seeds diverge: whole reports over
// simulated sweeps.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "tests/calibration/null_sweeps.h"

namespace autonorm::calibration {

enum class Lost {  // which 30 % of the seeds diverge; values of variant and baseline have the same distribution
  kNone,
  kRandom,              // of both, whatever their value
  kWorstOfBoth,         // of both, those that would have ended worst
  kWorstOfVariant,      // of the variant alone, those that would have ended worst
  kWorstAgainstRandom,  // the variant's worst, and as many random ones of the baseline
  kWorstOfBaseline,     // of the baseline alone, those that would have ended worst
  kRandomAgainstWorst,  // the baseline's worst, and as many random ones of the variant
};
inline constexpr std::array kLostSeeds = {Lost::kNone,
                                          Lost::kRandom,
                                          Lost::kWorstOfBoth,
                                          Lost::kWorstOfVariant,
                                          Lost::kWorstAgainstRandom,
                                          Lost::kWorstOfBaseline,
                                          Lost::kRandomAgainstWorst};
std::string_view name(Lost lost);

struct Verdicts {
  Share better, worse;                      // what the report says
  Share unguarded_better, unguarded_worse;  // what it would say if diverged seeds were dropped and not looked at
};
// Sweeps of one variant, its baseline and n seeds.
Verdicts measure_verdicts(Lost lost, int n, uint64_t seed, int64_t sweeps);

}  // namespace autonorm::calibration
