#include "coordinator/server/retention_timer.h"

#include <algorithm>

#include "core/base/log.h"

namespace autonorm::server {

using namespace std::chrono_literals;

std::chrono::milliseconds RetentionTimer::pause_after(std::chrono::steady_clock::duration collection) {
  return std::clamp<std::chrono::milliseconds>(std::chrono::duration_cast<std::chrono::milliseconds>(100 * collection),
                                               1min, 10min);
}

RetentionTimer::RetentionTimer(ArtifactCollector& collector, Retention retention, const Clock& clock)
    : collector_(collector), retention_(retention), clock_(clock), thread_([this] { run(); }) {}

RetentionTimer::~RetentionTimer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void RetentionTimer::run() {
  std::chrono::milliseconds pause = pause_after({});
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, pause, [this] { return stopping_; })) {
    lock.unlock();
    const SteadyTime begun = clock_.now().steady;
    collect();
    pause = pause_after(clock_.now().steady - begun);
    lock.lock();
  }
}

void RetentionTimer::collect() {
  const auto collected = collector_.collect(retention_, /*attempts=*/false);
  if (!collected.ok()) {
    log_warning("old checkpoints stay for now: ", collected.status().message());
  } else if (collected->artifacts.files > 0) {
    log_info("removed ", collected->artifacts.files, " files of checkpoints that no trial needs, ",
             collected->artifacts.bytes >> 20, " MiB; ", collected->kept.bytes >> 20, " MiB stay");
  }
}

}  // namespace autonorm::server
