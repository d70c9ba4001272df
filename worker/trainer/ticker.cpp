#include "worker/trainer/ticker.h"

namespace autonorm::trainer {

Ticker::Ticker(std::chrono::milliseconds period, std::function<void()> tick)
    : tick_(std::move(tick)), thread_([this, period] { run(period); }) {}

Ticker::~Ticker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_asked_.notify_one();
  thread_.join();
}

void Ticker::run(std::chrono::milliseconds period) {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    tick_();
    lock.lock();
    stop_asked_.wait_for(lock, period, [this] { return stop_; });
  }
}

}  // namespace autonorm::trainer
