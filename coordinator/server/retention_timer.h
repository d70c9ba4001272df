// Applies the retention of checkpoints from time to time while a server runs.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

#include "coordinator/server/artifact_collector.h"

namespace autonorm::server {

class RetentionTimer {
 public:
  static constexpr std::chrono::minutes kInterval{10};

  // `collector` must outlive the timer.
  RetentionTimer(ArtifactCollector& collector, Retention retention);
  ~RetentionTimer();  // waits for a collection under way
  RetentionTimer(const RetentionTimer&) = delete;
  RetentionTimer& operator=(const RetentionTimer&) = delete;

 private:
  void run();

  ArtifactCollector& collector_;
  const Retention retention_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace autonorm::server
