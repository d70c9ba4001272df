#include "coordinator/cli/wording.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "core/base/text.h"

namespace autonorm::cli {

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(std::ceil(std::max(0.0, seconds)));
  if (s < 60) return cat(s, " s");
  if (s < 3600) return cat(s / 60, " min", s % 60 ? cat(" ", s % 60, " s") : "");
  if (s < 48 * 3600) return cat(s / 3600, " h", s / 60 % 60 ? cat(" ", s / 60 % 60, " min") : "");
  return cat(s / 86400, " d", s / 3600 % 24 ? cat(" ", s / 3600 % 24, " h") : "");
}

std::string number_text(int64_t number) {
  std::string digits = std::to_string(number);
  const int first = number < 0 ? 1 : 0;
  for (int at = static_cast<int>(digits.size()) - 3; at > first; at -= 3)
    digits.insert(static_cast<size_t>(at), 1, ',');
  return digits;
}

std::string count_text(int64_t count, const std::string& noun) {
  return cat(number_text(count), " ", noun, count == 1 ? "" : "s");
}

std::string loss_text(double loss) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", loss);
  return text;
}

std::string time_text(WallTime time) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace autonorm::cli
