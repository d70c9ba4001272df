#include "tests/support/loop_fleet.h"

#include "core/base/status.h"

namespace autonorm::testing {

LoopFleet::LoopFleet(int workers, std::function<void(const fleet::Ack&)> acked)
    : workers_(workers), acked_(std::move(acked)) {}

LoopFleet::~LoopFleet() { stop(); }

void LoopFleet::start(server::EngineLoop& loop) {
  loop_ = &loop;
  thread_ = std::thread([this] { answer_starts(); });
  for (int i = 0; i < workers_; ++i) {
    fleet::Hello hello;
    hello.worker = WorkerId(cat("w", i));
    hello.incarnation = 1;
    hello.mpi_world = "world";
    hello.mpi_rank = i;
    hello.mpi_size = workers_;
    hello.host = "a";
    loop.post(engine::WorkerHello{SessionId(i + 1), hello});
  }
}

void LoopFleet::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LoopFleet::send(SessionId session, const fleet::ToWorker& message) {
  if (const auto* ack = std::get_if<fleet::Ack>(&message)) {
    if (acked_) acked_(*ack);
    const std::lock_guard lock(mutex_);
    ++acks_;
  } else if (const auto* start = std::get_if<fleet::Start>(&message)) {
    const std::lock_guard lock(mutex_);
    starts_.emplace_back(session, *start);
    wake_.notify_one();
  }
}

void LoopFleet::close(SessionId) {}

int64_t LoopFleet::acks() const {
  const std::lock_guard lock(mutex_);
  return acks_;
}

void LoopFleet::answer_starts() {
  while (true) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return !starts_.empty() || stopping_; });
    if (stopping_) return;
    const auto [session, start] = std::move(starts_.front());
    starts_.pop_front();
    lock.unlock();
    answer(session, start);
  }
}

void LoopFleet::answer(SessionId session, const fleet::Start& start) {
  fleet::Finished finished;
  finished.results = {{"test/accuracy", 0.5}};
  loop_->post(engine::WorkerMessage{session, fleet::Event{start.key, Seq(1), fleet::Ready{"joined", ""}}});
  loop_->post(engine::WorkerMessage{session, fleet::Event{start.key, Seq(2), finished}});
  loop_->post(engine::WorkerMessage{session, fleet::SlotFree{start.key}});
}

}  // namespace autonorm::testing
