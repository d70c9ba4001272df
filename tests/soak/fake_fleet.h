// Many workers in one process: each a session of its own over real gRPC, none with a trainer. All members are
// thread-safe.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace autonorm::soak {

enum class Conduct {
  kHold,     // joins what it is given and goes on until it is told to stop
  kDeliver,  // joins, sends `points` metric points and a result, gives the slot back
};

struct FleetOptions {
  std::string address;
  int workers = 1;
  Conduct conduct = Conduct::kDeliver;
  int points = 5;  // of each delivered trial
};

class FakeFleet {
 public:
  explicit FakeFleet(const FleetOptions& options);  // connects all
  ~FakeFleet();                                     // ends every session and waits for that

  int64_t started() const;             // Starts received
  int64_t stopped() const;             // Stops received, each answered with SlotFree
  int64_t lost() const;                // sessions that ended before ~FakeFleet
  std::vector<double> ack_ms() const;  // of each result: from the write to its acknowledgement

 private:
  struct Shared;
  class Session;
  std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Session>> sessions_;
};

// The value that `share` of all values do not exceed; 0 without values.
double percentile(std::vector<double> values, double share);

}  // namespace autonorm::soak
