// What a worker agent and its trainer say: newline-delimited JSON over two inherited pipes. Versioned by the trainer's
// hello. The trainer is started as
//   trainer serve --parent PID --in FD --out FD [--relay FD --relay-request FD --relay-completion FD]
// reads commands from --in, writes events to --out; its stdout and stderr go to the agent's log of the attempt.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/status.h"

namespace autonorm::worker {

inline constexpr int kControlVersion = 1;
inline constexpr size_t kMaxControlLine = size_t{4} << 20;  // bytes; a longer line is a protocol error

// ---- agent → trainer ----
struct RunCommand {
  std::string trial;  // 64 hex digits
  int attempt = 0;
  std::string directory;    // attempt folder; the trainer writes checkpoints/ below it and nothing elsewhere
  std::string config_file;  // resolved trial configuration (JSON), already in the folder
  std::string device;       // "cpu" | "cuda:N"
  int rank = 0;
  int size = 1;
  std::string listen_host;                    // leader of a gang: where its store listens and is reached
  std::optional<std::string> resume;          // folder of a complete, verified checkpoint
  std::map<std::string, std::string> inputs;  // stage name → checkpoint folder
  bool operator==(const RunCommand&) const = default;
};
struct JoinCommand {
  std::string endpoint;
  bool operator==(const JoinCommand&) const = default;
};  // "host:port" of the leader's store
enum class StopKind { kCheckpoint, kNow };
struct StopCommand {
  StopKind kind = StopKind::kNow;
  bool operator==(const StopCommand&) const = default;
};
struct ExitCommand {
  bool operator==(const ExitCommand&) const = default;
};  // when idle: leave with status 0
using Command = std::variant<RunCommand, JoinCommand, StopCommand, ExitCommand>;

// ---- trainer → agent ----
struct HelloEvent {
  int protocol = kControlVersion;
  int pid = 0;
  std::string torch;
  std::string cpu_capability;
  bool operator==(const HelloEvent&) const = default;
};
struct ReadyEvent {
  std::string state;
  std::string endpoint;
  bool operator==(const ReadyEvent&) const = default;
};  // "listening" | "joined"
// At 1 Hz from a thread of its own, also inside collectives: absence means that the process is stopped or dead.
struct TickEvent {
  int64_t step = 0;
  int64_t total_steps = 0;
  std::string phase;
  double loss = 0;
  double samples_per_s = 0;
  bool operator==(const TickEvent&) const = default;
};
struct Point {
  std::string metric;
  int64_t step = 0;
  double value = 0;
  bool operator==(const Point&) const = default;
};
struct MetricsEvent {
  std::vector<Point> points;
  bool operator==(const MetricsEvent&) const = default;
};
struct NormStatEvent {
  std::string site;
  int64_t step = 0;
  std::map<std::string, double> values;
  bool operator==(const NormStatEvent&) const = default;
};
struct CheckpointEvent {
  int64_t step = 0;
  std::string directory;
  bool operator==(const CheckpointEvent&) const = default;
};  // durable on local disk
struct LogEvent {
  std::string level;
  std::string text;
  bool operator==(const LogEvent&) const = default;
};
struct FinishedEvent {
  bool diverged = false;
  std::map<std::string, double> results;
  std::map<std::string, std::string> facts;
  std::map<std::string, std::string> initial;
  std::map<std::string, std::string> artifacts;  // "model" → checkpoint folder
  bool operator==(const FinishedEvent&) const = default;
};
// reason: a word of EndReason, e.g. "bad_config", "data_missing", "device_oom", "collective_aborted".
struct FailedEvent {
  std::string reason;
  std::string message;
  bool operator==(const FailedEvent&) const = default;
};
struct StoppedEvent {
  int64_t step = 0;
  bool operator==(const StoppedEvent&) const = default;
};  // answer to StopCommand{kCheckpoint}
using TrainerEvent = std::variant<HelloEvent, ReadyEvent, TickEvent, MetricsEvent, NormStatEvent, CheckpointEvent,
                                  LogEvent, FinishedEvent, FailedEvent, StoppedEvent>;

// One line each, without the newline. NaN and infinities travel as the strings "nan", "inf", "-inf".
std::string encode(const Command& command);
std::string encode(const TrainerEvent& event);
// kInvalid names the field and shows the start of the line.
Result<Command> decode_command(std::string_view line);
Result<TrainerEvent> decode_event(std::string_view line);

}  // namespace autonorm::worker
