#include "coordinator/report/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "core/base/text.h"

namespace autonorm::report {
namespace {

constexpr int kDigits = 15;

std::string formatted(const char* format, int precision, double value) {
  char buffer[512];
  const int size = std::snprintf(buffer, sizeof buffer, format, precision, value);
  return std::string(buffer, static_cast<size_t>(std::clamp(size, 0, static_cast<int>(sizeof buffer) - 1)));
}

}  // namespace

std::string machine_number(double value) {
  if (std::isnan(value)) return "";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  // "d.ddde±xx" → digits without trailing zeros, and the power of the first one.
  char buffer[32];
  const char* const end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific, kDigits - 1).ptr;
  const char* const e = std::find<const char*>(buffer, end, 'e');
  buffer[1] = buffer[0];  // in the place of the point: now all digits stand side by side
  std::string_view digits(buffer + 1, static_cast<size_t>(e - buffer - 1));
  digits = digits.substr(0, std::max<size_t>(1, digits.find_last_not_of('0') + 1));
  int power = 0;
  std::from_chars(e[1] == '+' ? e + 2 : e + 1, end, power);
  const auto count = static_cast<int>(digits.size());
  std::string text(std::signbit(value) ? "-" : "");
  if (power < -4 || power >= 16) {
    text += digits[0];
    if (count > 1) text.append(1, '.').append(digits.substr(1));
    return text += formatted("e%+0*.0f", 3, power);
  }
  if (power < 0) {
    return text.append("0.").append(static_cast<size_t>(-power - 1), '0').append(digits);
  }
  const auto whole = static_cast<size_t>(power) + 1;
  text.append(digits.substr(0, whole));
  if (digits.size() < whole) text.append(whole - digits.size(), '0');
  text += '.';
  return digits.size() > whole ? text.append(digits.substr(whole)) : text += '0';
}

int decimals_for(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  if (largest >= 1000) return 0;
  if (largest >= 10) return 2;
  if (largest >= 0.01 || largest == 0) return 4;
  return std::min(12, 3 - static_cast<int>(std::floor(std::log10(largest))));
}

std::string fixed(std::optional<double> value, int decimals) {
  if (!value || std::isnan(*value)) return kAbsent;
  return formatted("%.*f", decimals, *value == 0 ? 0.0 : *value);
}

std::string with_sign(std::optional<double> value, int decimals) {
  if (!value || *value == 0) return fixed(value, decimals);
  return formatted("%+.*f", decimals, *value);
}

std::string p_text(std::optional<double> p) {
  if (!p) return kAbsent;
  if (*p == 1) return "1";
  if (*p < 0.0001) return "<0.0001";
  return formatted("%.*f", 4, *p);
}

std::string percent(double share) {
  const double value = std::round(share * 1e6) / 1e4;  // 1 - 0.05 is not 0.95 to the last bit
  return cat(value, " %");
}

}  // namespace autonorm::report
