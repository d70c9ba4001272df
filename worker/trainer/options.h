// The command line of `trainer`. Parsed by hand: a GPU machine builds the trainer with LibTorch and three small header
// libraries alone.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/base/status.h"
#include "worker/trainer/relay_client.h"

namespace autonorm::trainer {

// Exit codes, documented in --help.
enum ExitCode : int {
  kExitOk = 0,           // the trial completed or diverged
  kExitFailed = 1,       // it failed
  kExitUsage = 2,        // wrong command line or configuration
  kExitDataMissing = 3,  // a data set or input is not there
  kExitDataCorrupt = 4,  // a data file is damaged
  kExitStopped = 5,      // ended by Ctrl-C after writing a checkpoint
};

struct RunOptions {
  std::filesystem::path config;
  std::filesystem::path output;  // "" = runs/by-hand/<trial>
  bool resume = false;
  bool quiet = false;                                   // no progress lines
  std::string device;                                   // "" = as configured
  std::vector<std::filesystem::path> data;              // looked at before all other data folders
  std::map<std::string, std::filesystem::path> inputs;  // stage → checkpoint folder
};
struct ServeOptions {
  int parent = 0;
  int in = -1, out = -1;
  std::optional<RelayDescriptors> relay;
};
struct ProbeOptions {
  bool names = false;
  std::filesystem::path spec, in, out;
};
struct FoldOptions {
  std::filesystem::path checkpoint, out;
  std::vector<std::filesystem::path> data;
};
struct ShowText {
  std::string text;  // --help, --version
};
using Options = std::variant<RunOptions, ServeOptions, ProbeOptions, FoldOptions, ShowText>;

// `arguments` without the program's name. kInvalid: what is wrong, what is allowed, the nearest valid word.
Result<Options> parse_options(std::span<const std::string> arguments);

}  // namespace autonorm::trainer
