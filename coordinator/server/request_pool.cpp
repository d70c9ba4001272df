#include "coordinator/server/request_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace autonorm::server {

namespace {

// Linux keeps a nice value per thread. A refusal costs nothing but the advantage.
void yield_to_others() {
  constexpr int kNice = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

}  // namespace

RequestPool::RequestPool(size_t threads, size_t capacity, Priority priority, std::function<bool()> make_way)
    : capacity_(capacity), make_way_(std::move(make_way)) {
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, priority] {
      if (priority == Priority::kLow) yield_to_others();
      work();
    });
  }
}

RequestPool::~RequestPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  ending_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool RequestPool::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.size() >= capacity_) return false;
    tasks_.push_back(std::move(task));
  }
  ready_.notify_one();
  return true;
}

void RequestPool::work() {
  while (true) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    const auto began = std::chrono::steady_clock::now();
    task();
    rest(std::chrono::steady_clock::now() - began);
  }
}

void RequestPool::rest(std::chrono::steady_clock::duration worked) {
  constexpr std::chrono::milliseconds kNotWorthIt{5};
  constexpr std::chrono::seconds kLongest{2};  // somebody may be waiting for the next
  if (!make_way_ || worked < kNotWorthIt || !make_way_()) return;
  std::unique_lock lock(mutex_);
  ending_.wait_for(lock, std::min<std::chrono::steady_clock::duration>(kRest * worked, kLongest),
                   [this] { return stopping_; });
}

}  // namespace autonorm::server
