// Many workers in one process that speak Fleet.Session over real gRPC and train nothing. Each rank is a stream and a
// slot, as a worker's is.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "autonorm/v1/fleet.grpc.pb.h"

namespace autonorm::testing {

class FakeStream;

enum class Conduct {
  kIdle,     // heartbeats alone: what arrives is kept waiting
  kHold,     // joins what it is given and goes on until it is told to stop
  kDeliver,  // joins, sends `points` metric points and a result, gives the slot back: all at once
  kMetrics,  // joins and sends points at the rate of MetricLoad until the fleet goes
};
struct MetricLoad {
  int points = 0;                      // per event
  std::chrono::microseconds period{};  // between two events of a stream; 0 = as soon as one of `window` is acknowledged
  int window = 1;                      // unacknowledged events of a stream at which it waits, whatever the period says
};
struct FleetOptions {
  std::string address;
  int workers = 1;      // MPI worlds
  int ranks = 1;        // slots of each
  int connections = 1;  // that the workers share
  Conduct conduct = Conduct::kDeliver;
  int points = 0;             // of a delivered trial
  bool full_results = false;  // of a delivered trial: all that one of a real transformer records, not one metric
  MetricLoad load = {};
};

// Thread-safe.
class FakeFleet {
 public:
  explicit FakeFleet(const FleetOptions& options);  // returns when all are welcome; throws when they are not
  ~FakeFleet();                                     // breaks all connections and waits for that

  int64_t started() const { return started_; }  // Starts received
  int64_t stopped() const { return stopped_; }  // Stops received, each answered with SlotFree
  int64_t lost() const { return lost_; }        // streams that ended before ~FakeFleet
  // Trials whose result is acknowledged, hence durable.
  int64_t trials() const { return trials_; }
  // Waits until so many are; false when they are not by then.
  bool wait_trials(int64_t count, std::chrono::steady_clock::time_point deadline);
  int64_t points() const { return points_; }  // acknowledged, of kMetrics
  // From writing an event to its acknowledgement, in seconds, for each result (kDeliver) or metrics event (kMetrics);
  // forgets them.
  std::vector<double> take_latencies();
  // Sends metrics (kMetrics) or heartbeats (otherwise) until `deadline`.
  void run_until(std::chrono::steady_clock::time_point deadline);

 private:
  friend class FakeStream;
  void welcomed();
  void delivered(double seconds);
  void acknowledged(int64_t points, double seconds);

  const FleetOptions options_;
  std::vector<std::unique_ptr<v1::Fleet::Stub>> stubs_;  // one per connection
  std::vector<std::unique_ptr<FakeStream>> streams_;
  std::atomic<int64_t> started_ = 0, stopped_ = 0, lost_ = 0, trials_ = 0, points_ = 0;
  std::atomic<bool> ending_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  int welcome_ = 0;                // guarded by mutex_
  std::vector<double> latencies_;  // guarded by mutex_
};

}  // namespace autonorm::testing
