// Arguments → options. The only file that knows the command line library.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "coordinator/cli/options.h"

namespace autonorm::cli {

// What flags fall back to: AUTONORM_COORDINATOR and AUTONORM_STATE, read by main.
struct Defaults {
  std::string coordinator = "127.0.0.1:50551";
  std::string state = "./runs";
};

struct ParsedLine {
  std::optional<Invocation> invocation;  // absent: print `text` and exit with `exit_code`
  std::string text;                      // help (to standard output) or what is wrong (to standard error)
  int exit_code = 0;
};

// `arguments` without the program's name. An unknown verb or flag is answered with the nearest one.
ParsedLine parse_command_line(const std::vector<std::string>& arguments, const Defaults& defaults);

}  // namespace autonorm::cli
