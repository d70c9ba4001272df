// Logging without a formatting library, so that units with LibTorch can use it. A program chooses where lines go
// (spdlog in coordinator and worker, the event pipe in a trainer); the default is stderr. Thread-safe.
#pragma once
#include <functional>
#include <string>

#include "core/base/text.h"

namespace autonorm {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogSink = std::function<void(LogLevel, const std::string&)>;
// Called once, by main, before other threads start.
void set_log_sink(LogSink sink);
void log_line(LogLevel level, const std::string& text);

template <class... Parts>
void log_debug(const Parts&... parts) {
  log_line(LogLevel::kDebug, cat(parts...));
}
template <class... Parts>
void log_info(const Parts&... parts) {
  log_line(LogLevel::kInfo, cat(parts...));
}
template <class... Parts>
void log_warning(const Parts&... parts) {
  log_line(LogLevel::kWarning, cat(parts...));
}
template <class... Parts>
void log_error(const Parts&... parts) {
  log_line(LogLevel::kError, cat(parts...));
}

}  // namespace autonorm
