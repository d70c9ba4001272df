#include "coordinator/cli/stop_signal.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "core/base/log.h"
#include "core/base/status.h"

namespace autonorm::cli {
namespace {

constexpr std::chrono::seconds kShutdownTime{2};

// Waits at most `timeout_ms` (-1 = forever) for `fd` to be readable.
bool readable(int fd, int timeout_ms) {
  pollfd source{fd, POLLIN, 0};
  while (true) {
    const int found = ::poll(&source, 1, timeout_ms);
    if (found >= 0 || errno != EINTR) return found > 0;
  }
}

}  // namespace

StopSignal::StopSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  fd_.reset(signalfd(-1, &signals, SFD_CLOEXEC));
  AUTONORM_CHECK(fd_.valid(), "signalfd failed: ", errno);
}

void StopSignal::wait() const { readable(fd_.get(), -1); }
bool StopSignal::came() const { return readable(fd_.get(), 0); }

struct ExitWatchdog::State {
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  std::thread thread;
};

ExitWatchdog::ExitWatchdog() : state_(std::make_unique<State>()) {
  state_->thread = std::thread([state = state_.get()] {
    std::unique_lock lock(state->mutex);
    if (state->changed.wait_for(lock, kShutdownTime, [state] { return state->over; })) return;
    log_warning("leaving without waiting any longer; everything that was acknowledged is stored");
    _exit(1);
  });
}

ExitWatchdog::~ExitWatchdog() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->over = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

}  // namespace autonorm::cli
