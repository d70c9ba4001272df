// The agent's side of the relay for trainers or threads of one machine: carries out the collectives of `size` channels
// in memory.
#pragma once
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/durable_file.h"
#include "worker/relay_protocol.h"
#include "worker/trainer/relay_client.h"

namespace autonorm::trainer {

class FakeAgent {
 public:
  explicit FakeAgent(int size);
  ~FakeAgent();

  // Duplicates of a rank's descriptors; the caller owns them.
  RelayDescriptors descriptors(int rank) const;
  worker::RelaySegment& segment(int rank) { return *channels_[static_cast<size_t>(rank)].segment; }
  // From now on every request, also one that waits, ends like this.
  void fail(worker::RelayResult result, const std::string& message);
  // How many collectives have been carried out.
  int served() const { return served_; }

 private:
  struct Channel {
    Fd memory, request, completion;
    worker::RelaySegment* segment = nullptr;
  };
  void run();
  void serve();
  void carry_out();
  void complete(Channel& channel);

  std::vector<Channel> channels_;
  Fd wake_;
  std::mutex mutex_;
  worker::RelayResult failure_ = worker::RelayResult::kOk;  // guarded by mutex_
  std::string message_;                                     // guarded by mutex_
  bool stop_ = false;                                       // guarded by mutex_
  std::atomic<int> served_{0};
  std::thread thread_;
};

}  // namespace autonorm::trainer
