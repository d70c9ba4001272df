// Instant workers for a real engine loop, without network: every Start is answered with joined, a result and the slot.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "coordinator/server/engine_loop.h"

namespace autonorm::testing {

// The transport and the workers behind it. They speak from a thread of their own. Must outlive the loop's last message:
// call stop() before the loop is destroyed.
class LoopFleet final : public server::Transport {
 public:
  // `acked` is called on the engine's thread before an acknowledgement goes out.
  explicit LoopFleet(int workers, std::function<void(const fleet::Ack&)> acked = {});
  ~LoopFleet() override;
  void start(server::EngineLoop& loop);
  void stop();

  void send(SessionId session, const fleet::ToWorker& message) override;
  void close(SessionId session) override;
  int64_t acks() const;

 private:
  void answer_starts();
  void answer(SessionId session, const fleet::Start& start);

  const int workers_;
  const std::function<void(const fleet::Ack&)> acked_;
  server::EngineLoop* loop_ = nullptr;
  mutable std::mutex mutex_;  // protects what follows
  std::condition_variable wake_;
  std::deque<std::pair<SessionId, fleet::Start>> starts_;
  int64_t acks_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace autonorm::testing
