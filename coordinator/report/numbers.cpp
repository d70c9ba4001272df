#include "coordinator/report/numbers.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/base/text.h"

namespace autonorm::report {
namespace {

std::string formatted(const char* format, int precision, double value) {
  char buffer[512];
  const int size = std::snprintf(buffer, sizeof buffer, format, precision, value);
  return std::string(buffer, static_cast<size_t>(std::clamp(size, 0, static_cast<int>(sizeof buffer) - 1)));
}

}  // namespace

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
