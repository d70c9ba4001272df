// Log levels as words, in files, messages and tables.
#pragma once
#include <string_view>

#include "core/base/log.h"

namespace autonorm {

std::string_view level_word(LogLevel level);  // "debug" | "info" | "warning" | "error"

}  // namespace autonorm
