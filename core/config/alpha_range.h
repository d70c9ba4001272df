// What an error rate may be, in a sweep file and on the command line. Below, an interval's bounds say nothing any more.
#pragma once

namespace autonorm::config {

inline constexpr double kSmallestAlpha = 1e-6, kLargestAlpha = 0.5;  // both included

}  // namespace autonorm::config
