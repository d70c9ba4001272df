#include "tests/bench/coordinator_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

extern char** environ;

namespace autonorm::bench {
namespace {

constexpr int kStartLimitMs = 60'000;

// The first line of a pipe.
std::string first_line(int fd) {
  std::string line;
  while (line.find('\n') == std::string::npos) {
    pollfd ready{fd, POLLIN, 0};
    char buffer[512];
    if (::poll(&ready, 1, kStartLimitMs) != 1) throw std::runtime_error("the coordinator said nothing for a minute");
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count <= 0) throw std::runtime_error("the coordinator ended before it listened; see its message above");
    line.append(buffer, static_cast<size_t>(count));
  }
  return line.substr(0, line.find('\n'));
}

double kibibytes(const std::string& line) { return std::stod(line.substr(line.find(':') + 1)) * 1024; }

}  // namespace

CoordinatorProcess::CoordinatorProcess(const std::filesystem::path& program, const std::filesystem::path& state) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  output_.reset(ends[0]);
  const Fd writing(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
  std::string words[] = {program.string(), "serve", "--listen", "127.0.0.1:0", "--state", state.string()};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int failure = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0)
    throw std::runtime_error("cannot start " + program.string() + "; build it or name it with --coordinator");
  const_cast<Fd&>(writing).reset();
  const std::string line = first_line(output_.get());
  const std::string mark = "listening on ";
  const size_t at = line.find(mark);
  if (at == std::string::npos) throw std::runtime_error("the coordinator began with: " + line);
  address_ = line.substr(at + mark.size(), line.find(',', at) - at - mark.size());
}

CoordinatorProcess::~CoordinatorProcess() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::unique_ptr<cli::ControlClient> CoordinatorProcess::client() const {
  auto client = cli::ControlClient::connect(address_, std::chrono::seconds(20));
  if (!client.ok()) throw std::runtime_error(client.status().message());
  return *std::move(client);
}

Memory CoordinatorProcess::memory() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  Memory memory;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) memory.now = kibibytes(line);
    if (line.starts_with("VmHWM:")) memory.peak = kibibytes(line);
  }
  return memory;
}

std::chrono::duration<double> CoordinatorProcess::cpu_time() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;  // state is field 3, utime 14, stime 15
  double user = 0, system = 0;
  fields >> user >> system;
  return std::chrono::duration<double>((user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

}  // namespace autonorm::bench
