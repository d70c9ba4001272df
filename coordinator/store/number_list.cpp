#include "coordinator/store/number_list.h"

#include <SQLiteCpp/Exception.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/base/text.h"

namespace autonorm::store {
namespace {

double parse_number(std::string_view text) {
  if (text == "null") return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument)
    throw SQLite::Exception(cat("a list of numbers has '", text, "'"));
  if (error == std::errc::result_out_of_range)
    return text.starts_with('-') ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  return value;
}

}  // namespace

std::string number_text(double value) {
  if (std::isnan(value)) return "null";
  if (std::isinf(value)) return value > 0 ? "9e999" : "-9e999";
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::vector<double> parse_number_list(std::string_view text) {
  if (!text.starts_with('[') || !text.ends_with(']'))
    throw SQLite::Exception(cat("'", text, "' is no list of numbers"));
  std::string_view rest = text.substr(1, text.size() - 2);
  std::vector<double> values;
  values.reserve(static_cast<size_t>(std::ranges::count(rest, ',')) + 1);
  if (rest.empty()) return values;
  for (size_t comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
    values.push_back(parse_number(rest.substr(0, comma)));
    rest.remove_prefix(comma + 1);
  }
  values.push_back(parse_number(rest));
  return values;
}

}  // namespace autonorm::store
