// Hands values from other threads to the main loop, which waits on the descriptor in poll().
#pragma once
#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <vector>

#include "core/base/durable_file.h"

namespace autonorm::agent {

template <class T>
class EventQueue {
 public:
  EventQueue() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { AUTONORM_CHECK(wake_.valid(), "no eventfd"); }

  int fd() const { return wake_.get(); }  // readable while values wait

  void post(T value) {  // thread-safe
    {
      const std::lock_guard lock(mutex_);
      values_.push_back(std::move(value));
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
  }

  std::vector<T> take() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof(count));
    const std::lock_guard lock(mutex_);
    return std::exchange(values_, {});
  }

 private:
  Fd wake_;
  std::mutex mutex_;
  std::vector<T> values_;  // guarded by mutex_
};

}  // namespace autonorm::agent
