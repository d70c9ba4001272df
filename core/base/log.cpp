#include "core/base/log.h"

#include <cstdio>

namespace autonorm {
namespace {

LogSink& sink() {
  static LogSink instance = [](LogLevel level, const std::string& text) {
    if (level == LogLevel::kDebug) return;
    std::fprintf(stderr, "%s%s\n",
                 level == LogLevel::kError     ? "error: "
                 : level == LogLevel::kWarning ? "warning: "
                                               : "",
                 text.c_str());
  };
  return instance;
}

}  // namespace

void set_log_sink(LogSink new_sink) { sink() = std::move(new_sink); }
void log_line(LogLevel level, const std::string& text) { sink()(level, text); }

}  // namespace autonorm
