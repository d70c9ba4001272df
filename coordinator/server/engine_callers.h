// Who waits for the engine's answer to a request. Every caller is answered once.
#pragma once
#include <future>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "coordinator/engine/engine.h"

namespace autonorm::server {

// Thread-safe. `Reply` has the fields `request` and `status`.
template <class Reply>
class EngineCallers {
 public:
  std::future<Reply> expect(engine::RequestId request) {
    const std::lock_guard lock(mutex_);
    return waiting_[request].get_future();
  }
  void answer(Reply reply) {
    std::unique_lock lock(mutex_);
    const auto it = waiting_.find(reply.request);
    if (it == waiting_.end()) return;  // nobody waits: a submission that the loop itself took up again
    std::promise<Reply> promise = std::move(it->second);
    waiting_.erase(it);
    lock.unlock();
    promise.set_value(std::move(reply));
  }
  void answer_all(const Status& status) {
    const std::lock_guard lock(mutex_);
    for (auto& [request, promise] : std::exchange(waiting_, {}))
      promise.set_value({.request = request, .status = status});
  }

 private:
  std::mutex mutex_;
  std::unordered_map<engine::RequestId, std::promise<Reply>> waiting_;  // guarded by mutex_
};

}  // namespace autonorm::server
