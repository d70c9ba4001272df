// Threads for what may block: waiting for the engine, reading artifacts, computing reports. gRPC's own threads never
// do.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace autonorm::server {

// Thread-safe. Tasks start in the order of post().
class RequestPool {
 public:
  using Task = std::function<void()>;
  static constexpr int kRest = 3;

  // kLow: takes the processor only where nobody who is waited for wants it.
  enum class Priority { kNormal, kLow };

  // `capacity`: tasks that may wait for a thread. While `make_way()` holds, asked on a thread of the pool after a task,
  // that thread rests for kRest times as long as the task took, at most 2 s: tasks without end then take a quarter of a
  // processor, very long ones more.
  RequestPool(size_t threads, size_t capacity, Priority priority = Priority::kNormal,
              std::function<bool()> make_way = {});
  ~RequestPool();  // runs what was accepted, then joins
  RequestPool(const RequestPool&) = delete;
  RequestPool& operator=(const RequestPool&) = delete;

  // False: the queue is full, the task was dropped and the caller must answer that.
  [[nodiscard]] bool post(Task task);

 private:
  void work();
  void rest(std::chrono::steady_clock::duration worked);

  const size_t capacity_;
  const std::function<bool()> make_way_;
  std::mutex mutex_;
  std::condition_variable ready_, ending_;
  std::deque<Task> tasks_;  // guarded by mutex_
  bool stopping_ = false;   // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace autonorm::server
