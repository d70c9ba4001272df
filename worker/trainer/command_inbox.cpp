#include "worker/trainer/command_inbox.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "core/base/log.h"

namespace autonorm::trainer {

CommandInbox::CommandInbox(int fd, StopHandler on_stop) : fd_(fd), on_stop_(std::move(on_stop)) {
  // Detached: a blocking read has no other end than the pipe's, which ends the process.
  std::thread([this] { read_commands(); }).detach();
}

void CommandInbox::read_commands() {
  std::string pending;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(0);  // the agent has gone
    pending.append(buffer.data(), static_cast<size_t>(n));
    size_t begin = 0;
    for (size_t end = pending.find('\n'); end != std::string::npos; begin = end + 1, end = pending.find('\n', begin)) {
      const auto command = worker::decode_command(std::string_view(pending).substr(begin, end - begin));
      if (!command.ok()) {
        log_error("trainer: ", command.status().message());
        _exit(1);
      }
      take(*command);
    }
    pending.erase(0, begin);
    if (pending.size() > worker::kMaxControlLine) {
      log_error("trainer: a command is longer than ", worker::kMaxControlLine, " bytes");
      _exit(1);
    }
  }
}

void CommandInbox::take(const worker::Command& command) {
  const std::lock_guard lock(mutex_);
  if (const auto* run = std::get_if<worker::RunCommand>(&command)) {
    endpoint_.reset();
    stop_asked_ = false;
    on_stop_(std::nullopt);
    queue_.emplace_back(*run);
  } else if (const auto* stop = std::get_if<worker::StopCommand>(&command)) {
    stop_asked_ = true;
    on_stop_(stop->kind);
  } else if (const auto* join = std::get_if<worker::JoinCommand>(&command)) {
    endpoint_ = join->endpoint;
  } else {
    queue_.emplace_back(worker::ExitCommand{});
  }
  changed_.notify_all();
}

std::optional<worker::RunCommand> CommandInbox::next_run() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !queue_.empty(); });
  auto next = std::move(queue_.front());
  queue_.pop_front();
  if (auto* run = std::get_if<worker::RunCommand>(&next)) return std::move(*run);
  return std::nullopt;
}

std::optional<std::string> CommandInbox::wait_for_join() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return endpoint_.has_value() || stop_asked_; });
  if (stop_asked_) return std::nullopt;
  return endpoint_;
}

bool CommandInbox::stop_asked() const {
  const std::lock_guard lock(mutex_);
  return stop_asked_;
}

}  // namespace autonorm::trainer
