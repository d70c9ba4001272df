// coordinator: reads the surroundings (environment, terminal, clock, random device), then runs one verb.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/verbs.h"
#include "core/base/bounded_log.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"

namespace {

using namespace autonorm;

std::string variable(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

// Lines with time and level on standard error, and in `files`; text is never taken for a format.
void log_through_spdlog(const std::shared_ptr<BoundedLog>& files) {
  auto logger = std::make_shared<spdlog::logger>("coordinator", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
  set_log_sink([logger, files](LogLevel level, const std::string& text) {
    constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                     spdlog::level::err};
    logger->log(kLevels[static_cast<int>(level)], spdlog::string_view_t(text));
    files->write(level, text);
  });
}

std::string random_key() {
  std::random_device source;
  std::string key;
  for (int i = 0; i < 32; ++i) key += "0123456789abcdef"[source() % 16];
  return key;
}

// Steady times count from when the machine started: the first digits of what Linux calls that start. 0 = it says
// nothing.
int64_t clock_era() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string digits;
  std::getline(file, digits, '-');
  int64_t era = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), era, 16);
  return error == std::errc() && end == digits.data() + digits.size() ? era : 0;
}

// The folders of AUTONORM_DATA, then the checkout's: where trainers on this machine look, too.
std::vector<std::filesystem::path> data_folders() {
  std::vector<std::filesystem::path> folders;
  std::istringstream list(variable("AUTONORM_DATA", ""));
  for (std::string folder; std::getline(list, folder, ':');) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
  folders.emplace_back(AUTONORM_DEFAULT_DATA_DIR);
  return folders;
}

int terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

int main(int argc, char** argv) {
  if (const Status armed = arm_failpoint(variable("AUTONORM_FAILPOINT", "")); !armed.ok()) {
    std::cerr << "coordinator: " << armed.message() << "\n";
    return cli::kUsage;
  }
  const SystemClock clock;
  const auto files = std::make_shared<BoundedLog>(clock);
  log_through_spdlog(files);
  const bool terminal = isatty(STDOUT_FILENO) == 1 && variable("TERM", "dumb") != "dumb";
  cli::Environment environment{
      .out = std::cout,
      .err = std::cerr,
      .live = terminal,
      .colour = terminal && variable("NO_COLOR", "").empty(),
      .width = terminal_width(),
      .clock = clock,
      .clock_era = clock_era(),
      .random_key = random_key,
      .program_folder = std::filesystem::read_symlink("/proc/self/exe").parent_path(),
      .search_path = variable("PATH", "/usr/local/bin:/usr/bin:/bin"),
      .defaults = {},
      .log_to = [files](const std::filesystem::path& folder) { files->open(folder / "coordinator.log"); }};
  environment.defaults.coordinator = variable("AUTONORM_COORDINATOR", environment.defaults.coordinator);
  environment.data_folders = data_folders();
  environment.defaults.state = variable("AUTONORM_STATE", environment.defaults.state);
  try {
    return cli::run_command({argv + 1, argv + argc}, environment);
  } catch (const std::exception& error) {
    std::cerr << "coordinator: unexpected failure, please report it: " << error.what() << "\n";
    return cli::kFailed;
  }
}
