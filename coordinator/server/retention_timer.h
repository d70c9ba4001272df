// Applies the retention of checkpoints from time to time while a server runs.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

#include "coordinator/server/artifact_collector.h"

namespace autonorm::server {

class RetentionTimer {
 public:
  // Between two collections: often enough that large checkpoints do not pile up, and seldom enough that a collection
  // takes a hundredth of the time where there is much to look through; 1 to 10 minutes.
  static std::chrono::milliseconds pause_after(std::chrono::steady_clock::duration collection);

  // Both must outlive the timer.
  RetentionTimer(ArtifactCollector& collector, Retention retention, const Clock& clock);
  ~RetentionTimer();  // waits for a collection under way
  RetentionTimer(const RetentionTimer&) = delete;
  RetentionTimer& operator=(const RetentionTimer&) = delete;

 private:
  void run();
  void collect();

  ArtifactCollector& collector_;
  const Retention retention_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace autonorm::server
