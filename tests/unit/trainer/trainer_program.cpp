#include "tests/unit/trainer/trainer_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace autonorm::trainer {
namespace {

constexpr int kPatienceMs = 60'000;
const std::string kProgram = std::string(AUTONORM_BINARY_DIR) + "/bin/trainer";

struct Pipe {
  Fd read, write;
};
Pipe make_pipe() {
  std::array<int, 2> ends{};
  AUTONORM_CHECK(pipe2(ends.data(), O_CLOEXEC) == 0, "pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

// Runs in the child between fork and exec: only system calls.
[[noreturn]] void become_trainer(const std::vector<std::string>& arguments) {
  std::vector<char*> words{const_cast<char*>(kProgram.c_str())};
  for (const auto& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execv(kProgram.c_str(), words.data());
  _exit(127);
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// Reads both until both are closed.
void read_both(const Fd& out, std::string& out_text, const Fd& err, std::string& err_text) {
  std::array<char, 65536> buffer;
  std::array<pollfd, 2> fds{pollfd{out.get(), POLLIN, 0}, pollfd{err.get(), POLLIN, 0}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (poll(fds.data(), fds.size(), kPatienceMs) <= 0) throw std::runtime_error("the trainer says nothing");
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      const ssize_t n = read(fds[i].fd, buffer.data(), buffer.size());
      if (n <= 0)
        fds[i].fd = -1;
      else
        (i == 0 ? out_text : err_text).append(buffer.data(), static_cast<size_t>(n));
    }
  }
}

}  // namespace

ProgramResult run_trainer(const std::vector<std::string>& arguments, const std::string& folder) {
  Pipe out = make_pipe(), err = make_pipe();
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(out.write.get(), 1);
    dup2(err.write.get(), 2);
    unsetenv("AUTONORM_DATA");
    if (chdir(folder.c_str()) != 0) _exit(126);
    become_trainer(arguments);
  }
  out.write.reset();
  err.write.reset();
  ProgramResult result;
  read_both(out.read, result.out, err.read, result.err);
  int status = 0;
  waitpid(pid, &status, 0);
  result.exit_code = exit_code(status);
  return result;
}

ServedTrainer::ServedTrainer(std::optional<RelayDescriptors> relay) {
  Pipe commands = make_pipe(), events = make_pipe();
  std::vector<std::string> arguments{"serve",
                                     "--parent",
                                     std::to_string(getpid()),
                                     "--in",
                                     std::to_string(commands.read.get()),
                                     "--out",
                                     std::to_string(events.write.get())};
  if (relay) {
    for (const auto& [flag, fd] : {std::pair("--relay", relay->segment),
                                   {"--relay-request", relay->request},
                                   {"--relay-completion", relay->completion}}) {
      arguments.emplace_back(flag);
      arguments.push_back(std::to_string(fd));
    }
  }
  pid_ = fork();
  if (pid_ == 0) {
    fcntl(commands.read.get(), F_SETFD, 0);  // these two survive the exec
    fcntl(events.write.get(), F_SETFD, 0);
    become_trainer(arguments);
  }
  if (relay) {
    for (const int fd : {relay->segment, relay->request, relay->completion}) close(fd);
  }
  commands_ = std::move(commands.write);
  events_ = std::move(events.read);
}

ServedTrainer::~ServedTrainer() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ServedTrainer::send_line(const std::string& line) {
  AUTONORM_CHECK(write_all(commands_.get(), line + "\n", "commands").ok(), "the trainer reads no commands");
}

std::optional<worker::TrainerEvent> ServedTrainer::next_event() {
  std::array<char, 65536> buffer;
  while (pending_.find('\n') == std::string::npos) {
    pollfd fd{events_.get(), POLLIN, 0};
    if (poll(&fd, 1, kPatienceMs) <= 0) throw std::runtime_error("the trainer says nothing");
    const ssize_t n = read(events_.get(), buffer.data(), buffer.size());
    if (n <= 0) return std::nullopt;
    pending_.append(buffer.data(), static_cast<size_t>(n));
  }
  const size_t end = pending_.find('\n');
  const auto event = worker::decode_event(std::string_view(pending_).substr(0, end));
  if (!event.ok()) throw std::runtime_error(event.status().message());
  pending_.erase(0, end + 1);
  return *event;
}

int ServedTrainer::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return exit_code(status);
}

}  // namespace autonorm::trainer
