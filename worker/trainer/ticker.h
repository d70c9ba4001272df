// Calls a function once at the start and then once per period, from a thread of its own, until destroyed.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace autonorm::trainer {

class Ticker {
 public:
  Ticker(std::chrono::milliseconds period, std::function<void()> tick);
  // Returns when no call is under way and none will follow.
  ~Ticker();
  Ticker(const Ticker&) = delete;

 private:
  void run(std::chrono::milliseconds period);

  const std::function<void()> tick_;
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace autonorm::trainer
