// How numbers look in a report for people; for machines: machine_number.h.
#pragma once
#include <optional>
#include <span>
#include <string>

namespace autonorm::report {

inline constexpr const char* kAbsent = "–";  // machines get an empty field or null

// Decimals that show values of this size to about four significant digits: 4 below 10, 2 below 1000, else 0; more for
// values that are all tiny.
int decimals_for(std::span<const double> values);
std::string fixed(std::optional<double> value, int decimals);
std::string with_sign(std::optional<double> value, int decimals);  // "+0.0012", "-0.3000", "0.0000" for exactly 0
std::string p_text(std::optional<double> p);                       // "0.0312", "<0.0001", "1"
std::string percent(double share);                                 // 0.95 → "95 %"; as many decimals as needed

}  // namespace autonorm::report
