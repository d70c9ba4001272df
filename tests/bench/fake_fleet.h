// Workers that speak Fleet.Session and train nothing: every trial is joined and finished the moment it arrives, or
// streams metrics for as long as it is told to. Each stream is one slot, as a worker's rank is.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "autonorm/v1/fleet.grpc.pb.h"

namespace autonorm::bench {

class FakeStream;

enum class Training {
  kNone,     // heartbeats alone: what arrives is kept waiting
  kInstant,  // finished at once
  kMetrics,  // points at the rate of MetricLoad until the fleet goes
};
struct MetricLoad {
  int points = 0;                      // per event
  std::chrono::microseconds period{};  // between two events of a stream; 0 = as soon as one of `window` is acknowledged
  int window = 1;                      // unacknowledged events of a stream at which it waits, whatever the period says
};

class FakeFleet {
 public:
  // `workers` MPI worlds of `ranks` streams each, all over one connection per worker. Returns when all are welcome.
  FakeFleet(const std::string& address, int workers, int ranks, Training training, MetricLoad load = {});
  ~FakeFleet();  // breaks all connections

  // Trials whose result is acknowledged, hence durable.
  int64_t trials() const { return trials_; }
  // Waits until so many are; false when they are not by then.
  bool wait_trials(int64_t count, std::chrono::steady_clock::time_point deadline);
  int64_t points() const { return points_; }  // acknowledged
  // From writing an event to its acknowledgement, one entry per metrics event, in seconds; forgets them.
  std::vector<double> take_latencies();
  // Sends metrics (kMetrics) or heartbeats (otherwise) until `deadline`.
  void run_until(std::chrono::steady_clock::time_point deadline);

 private:
  friend class FakeStream;
  void welcomed();
  void trial_done();
  void acknowledged(int64_t points, double seconds);

  const Training training_;
  const MetricLoad load_;
  std::vector<std::unique_ptr<v1::Fleet::Stub>> stubs_;
  std::vector<std::unique_ptr<FakeStream>> streams_;
  std::atomic<int64_t> trials_ = 0, points_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  int welcome_ = 0;                // guarded by mutex_
  std::vector<double> latencies_;  // guarded by mutex_
};

}  // namespace autonorm::bench
