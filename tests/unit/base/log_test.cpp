#include "core/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace autonorm {
namespace {

TEST(Log, GoesToTheSinkInOrderWithItsLevel) {
  std::vector<std::pair<LogLevel, std::string>> lines;
  set_log_sink([&lines](LogLevel level, const std::string& text) { lines.emplace_back(level, text); });
  log_info("worker ", 3, " attached");
  log_warning("lease of ", 15, " s is over");
  log_error("disk full");
  log_debug("tick");
  set_log_sink([](LogLevel, const std::string&) {});
  log_info("not for the first sink");
  EXPECT_THAT(lines, testing::ElementsAre(std::pair(LogLevel::kInfo, std::string("worker 3 attached")),
                                          std::pair(LogLevel::kWarning, std::string("lease of 15 s is over")),
                                          std::pair(LogLevel::kError, std::string("disk full")),
                                          std::pair(LogLevel::kDebug, std::string("tick"))));
}

}  // namespace
}  // namespace autonorm
