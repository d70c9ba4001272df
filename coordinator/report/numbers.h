// How numbers look in a report.
#pragma once
#include <optional>
#include <span>
#include <string>

namespace autonorm::report {

inline constexpr const char* kAbsent = "–";  // in tables for people; machines get an empty field or null

// For machines: at most 15 significant digits, in the notation of Python's repr ("0.95", "8386.0", "1e-05"). 15 digits
// are what every reader, also one with a fast inexact number parser, gives back as the same double.
std::string machine_number(double value);

// Decimals that show values of this size to about four significant digits: 4 below 10, 2 below 1000, else 0; more for
// values that are all tiny.
int decimals_for(std::span<const double> values);
std::string fixed(std::optional<double> value, int decimals);
std::string with_sign(std::optional<double> value, int decimals);  // "+0.0012", "-0.3000", "0.0000" for exactly 0
std::string p_text(std::optional<double> p);                       // "0.0312", "<0.0001", "1"
std::string percent(double share);                                 // 0.95 → "95 %"; as many decimals as needed

}  // namespace autonorm::report
