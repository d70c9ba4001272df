#include "worker/agent/supervision/trainer_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/base/log.h"

namespace autonorm::agent {
namespace {

// Descriptors in the trainer; everything from kFirstClosed on is closed.
enum : int { kIn = 3, kOut = 4, kRelay = 5, kRelayRequest = 6, kRelayCompletion = 7, kFirstClosed = 8 };

struct Pipe {
  Fd read, write;
};

// Both ends close-on-exec and above the numbers that the trainer's own descriptors take, so that dup2 cannot overwrite
// one.
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("a pipe to the trainer", errno);
  const Fd low_read(ends[0]), low_write(ends[1]);
  Pipe pipe{Fd(fcntl(ends[0], F_DUPFD_CLOEXEC, 32)), Fd(fcntl(ends[1], F_DUPFD_CLOEXEC, 32))};
  if (!pipe.read.valid() || !pipe.write.valid()) return system_error("a pipe to the trainer", errno);
  return pipe;
}

void set_nonblocking(const Fd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

// Appends what can be read now; stops beyond `limit` bytes. At its end the pipe is closed, or poll() would report it
// for ever.
void drain(Fd& fd, std::string& into, size_t limit) {
  std::array<char, 65536> buffer;
  while (fd.valid() && into.size() <= limit) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) fd.reset();
    if (n <= 0) return;
    into.append(buffer.data(), static_cast<size_t>(n));
  }
}

// The trainer is no rank of MPI's world and must not believe so.
std::vector<char*> trainer_environment(const char* const* environment) {
  std::vector<char*> kept;
  for (const char* const* entry = environment; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!text.starts_with("OMPI_") && !text.starts_with("PMIX_")) kept.push_back(const_cast<char*>(*entry));
  }
  kept.push_back(nullptr);
  return kept;
}

// Owns the two C structures that describe a spawn.
struct SpawnPlan {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

}  // namespace

Result<std::unique_ptr<TrainerProcess>> TrainerProcess::start(const std::filesystem::path& program,
                                                              const char* const* environment) {
  std::unique_ptr<TrainerProcess> trainer(new TrainerProcess);
  auto relay = RelayChannel::create();
  if (!relay.ok()) return relay.status();
  trainer->relay_ = *std::move(relay);
  AUTONORM_RETURN_IF_ERROR(trainer->spawn(program, environment));
  return trainer;
}

Status TrainerProcess::spawn(const std::filesystem::path& program, const char* const* environment) {
  auto commands = make_pipe(), events = make_pipe(), output = make_pipe();
  for (const auto* pipe : {&commands, &events, &output}) {
    if (!pipe->ok()) return pipe->status();
  }
  SpawnPlan plan;
  posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
  const std::array<std::pair<int, int>, 7> descriptors{{{output->write.get(), 1},
                                                        {output->write.get(), 2},
                                                        {commands->read.get(), kIn},
                                                        {events->write.get(), kOut},
                                                        {relay_->memory_fd(), kRelay},
                                                        {relay_->request_fd(), kRelayRequest},
                                                        {relay_->completion_fd(), kRelayCompletion}}};
  for (const auto& [from, to] : descriptors) posix_spawn_file_actions_adddup2(&plan.actions, from, to);
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, kFirstClosed);

  std::vector<std::string> words{program.string(),
                                 "serve",
                                 "--parent",
                                 cat(getpid()),
                                 "--in",
                                 cat(kIn),
                                 "--out",
                                 cat(kOut),
                                 "--relay",
                                 cat(kRelay),
                                 "--relay-request",
                                 cat(kRelayRequest),
                                 "--relay-completion",
                                 cat(kRelayCompletion)};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> variables = trainer_environment(environment);
  const int code =
      posix_spawn(&pid_, program.c_str(), &plan.actions, &plan.attributes, arguments.data(), variables.data());
  if (code != 0) {
    pid_ = -1;
    return system_error(cat("starting the trainer ", program.string()), code);
  }
  pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));  // close-on-exec by itself
  if (!pidfd_.valid()) return system_error("watching the trainer (pidfd_open)", errno);
  commands_ = std::move(commands->write);
  events_ = std::move(events->read);
  output_ = std::move(output->read);
  for (const Fd* fd : {&commands_, &events_, &output_}) set_nonblocking(*fd);
  // When memory runs out the kernel should take the trainer, which can be restarted, rather than the worker.
  std::ofstream("/proc/" + cat(pid_) + "/oom_score_adj") << 500;
  return {};
}

TrainerProcess::~TrainerProcess() {
  if (pid_ < 0 || exit_) return;
  kill();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void TrainerProcess::send(const worker::Command& command) {
  unsent_ += worker::encode(command) + "\n";
  flush();
}

void TrainerProcess::flush() {
  while (!unsent_.empty() && commands_.valid()) {
    const ssize_t n = ::write(commands_.get(), unsent_.data(), unsent_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;  // tried again with the next read_lines()
    if (n < 0) {
      commands_.reset();
      return;
    }
    unsent_.erase(0, static_cast<size_t>(n));
  }
}

std::vector<int> TrainerProcess::descriptors() const {
  std::vector<int> found;
  for (const Fd* fd : {&pidfd_, &events_, &output_}) {
    if (fd->valid()) found.push_back(fd->get());
  }
  return found;
}

Result<std::vector<std::string>> TrainerProcess::read_lines() {
  flush();
  drain(events_, unread_, worker::kMaxControlLine);
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end; (end = unread_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(unread_.substr(begin, end - begin));
  }
  unread_.erase(0, begin);
  if (unread_.size() > worker::kMaxControlLine)
    return invalid("the trainer sent a line of more than ", worker::kMaxControlLine, " bytes");
  return lines;
}

std::string TrainerProcess::read_output() {
  constexpr size_t kAtOnce =
      size_t{1} << 20;  // a trainer that floods its log does not keep the agent from its other work
  std::string text;
  drain(output_, text, kAtOnce);
  return text;
}

void TrainerProcess::kill() {
  if (pid_ > 0 && !exit_) ::kill(-pid_, SIGKILL);
}

std::optional<TrainerExit> TrainerProcess::poll_exit() {
  if (exit_ || pid_ < 0) return exit_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  exit_ = WIFSIGNALED(status) ? TrainerExit{.signal = WTERMSIG(status)} : TrainerExit{.code = WEXITSTATUS(status)};
  ::kill(-pid_, SIGKILL);  // whatever it has started itself
  return exit_;
}

int64_t TrainerProcess::resident_bytes() const {
  std::ifstream file("/proc/" + cat(pid_) + "/statm");
  int64_t total = 0, resident = 0;
  return file >> total >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace autonorm::agent
