// Reads what attempts logged, through a read-only connection of its own: the running coordinator's database, or a copy.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/messages/fleet.h"
#include "core/messages/trial_state.h"

namespace autonorm::store {

struct StoredLine {
  int64_t id = 0;  // grows in the order of arrival
  WallTime time{};
  int rank = 0;
  std::string level, text;
};
struct AttemptSummary {
  int64_t row = 0;
  TrialId trial;
  Attempt number;
  int64_t ranks = 1;
  WallTime assigned{};
  std::optional<WallTime> ended;  // absent = it goes on, and `end` and what follows say nothing
  std::optional<EndReason> end;
  std::string message;
  int signal = 0, exit_code = 0;
  std::vector<std::string> tail;  // the trainer's last lines of output; empty when it ended well
  fleet::MemoryAtDeath memory;
};

// Not thread-safe: one reader per thread.
class LogReader {
 public:
  // `path` as of open_read_only().
  static Result<std::unique_ptr<LogReader>> open(const std::filesystem::path& path);
  ~LogReader();

  // `trial`: an id or its first digits, at least 4. Without `number`: the newest attempt. kNotFound names the attempts
  // there are.
  Result<AttemptSummary> attempt(const std::string& trial, std::optional<Attempt> number);
  Result<AttemptSummary> attempt(int64_t row);  // as it is now
  // At most `limit` lines after the line `after`, in order.
  Result<std::vector<StoredLine>> lines(int64_t attempt_row, int64_t after, int64_t limit);
  // The id of the line before the last `count` ones: where lines() begins to get just them.
  Result<int64_t> before_last(int64_t attempt_row, int64_t count);

 private:
  struct State;
  explicit LogReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace autonorm::store
