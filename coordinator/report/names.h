// Names in messages: they come from sweep files and may hold commas and spaces.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/report/places.h"
#include "coordinator/report/table.h"
#include "core/base/text.h"

namespace autonorm::report {

// "'AutoNorm', 'RMSNorm, eps 1e-6'", of very many the first ones.
inline std::string quoted(const std::vector<std::string>& names, std::string_view separator = ", ") {
  Places shown;
  for (const std::string& name : names) shown.add([&] { return cat("'", one_line(name), "'"); });
  return shown.text(separator);
}

}  // namespace autonorm::report
