// First answers to calls that change something outside the engine, which remembers its own. They live as long as the
// process: what these calls do is harmless to repeat after a restart, or is refused with its reason.
#pragma once
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/base/status.h"

namespace autonorm::server {

// Thread-safe.
template <class Reply>
class AnswerBook {
 public:
  // The answer that this key got before; else `act(reply)` fills it in, one key at a time. Failures are not remembered:
  // they changed nothing.
  template <class Act>
  Status once(const std::string& key, Reply& reply, Act&& act) {
    const std::lock_guard lock(mutex_);
    if (const auto known = answers_.find(key); known != answers_.end()) {
      reply = known->second;
      return {};
    }
    AUTONORM_RETURN_IF_ERROR(act(reply));
    answers_.emplace(key, reply);
    order_.push_back(key);
    if (order_.size() > kRemembered) {
      answers_.erase(order_.front());
      order_.pop_front();
    }
    return {};
  }

 private:
  static constexpr size_t kRemembered = 1'000;

  std::mutex mutex_;
  std::unordered_map<std::string, Reply> answers_;  // guarded by mutex_
  std::deque<std::string> order_;                   // guarded by mutex_
};

}  // namespace autonorm::server
