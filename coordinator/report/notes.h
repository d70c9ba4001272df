// The footnotes of a report, made from what was computed. Pure.
#pragma once
#include <string>
#include <vector>

#include "coordinator/report/comparison.h"
#include "coordinator/report/report_data.h"

namespace autonorm::report {

inline constexpr const char* kDisagreeMark = "‡";  // t and sign-flip fall on different sides of alpha
inline constexpr const char* kConstantMark = "§";  // all differences equal, but not 0

// True when the two tests of a comparison fall on different sides of alpha.
bool tests_disagree(const MetricRow& metric, double alpha);

// Which test, interval, correction and verdict rules were used; then what is special about this report's numbers.
std::vector<std::string> footnotes_of(const SweepRow& sweep, const Comparison& comparison, int decimals);

}  // namespace autonorm::report
