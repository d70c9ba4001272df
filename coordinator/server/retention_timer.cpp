#include "coordinator/server/retention_timer.h"

#include "core/base/log.h"

namespace autonorm::server {

RetentionTimer::RetentionTimer(ArtifactCollector& collector, Retention retention)
    : collector_(collector), retention_(retention), thread_([this] { run(); }) {}

RetentionTimer::~RetentionTimer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void RetentionTimer::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kInterval, [this] { return stopping_; })) {
    lock.unlock();
    const auto collected = collector_.collect(retention_, /*attempts=*/false);
    if (!collected.ok()) {
      log_warning("old checkpoints stay for now: ", collected.status().message());
    } else if (collected->artifacts.files > 0) {
      log_info("removed ", collected->artifacts.files, " files of checkpoints that no trial needs, ",
               collected->artifacts.bytes >> 20, " MiB; ", collected->kept.bytes >> 20, " MiB stay");
    }
    lock.lock();
  }
}

}  // namespace autonorm::server
