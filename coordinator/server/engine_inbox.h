// What waits for the engine's thread: events and questions, in the order of their arrival. Bounded: who hands in more
// waits for room.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "coordinator/engine/engine.h"
#include "core/base/clock.h"

namespace autonorm::server {

// Thread-safe; take(), take_questions() and pause() are the engine's thread's.
class EngineInbox {
 public:
  using Question = std::function<void(Now)>;  // asked between two batches
  struct Item {
    std::optional<engine::EngineEvent> event;  // or a question
    Question question;
    Now arrival;
  };
  struct Batch {
    std::deque<Item> items;
    bool all = true;  // nothing else was waiting
  };

  explicit EngineInbox(const Clock& clock) : clock_(clock) {}

  // False when it was closed: nothing will come of the item.
  bool post(engine::EngineEvent event);
  bool ask(Question question);
  // What waits, in order, at most a batch of it; waits up to `patience` for the first item.
  Batch take(std::chrono::milliseconds patience);
  // The questions alone, for a time in which no event can be handled.
  std::vector<Question> take_questions();
  // Returns after `span`, or when it was closed.
  void pause(std::chrono::milliseconds span);
  void close();
  bool closed() const { return closed_; }

 private:
  bool put(Item item);

  const Clock& clock_;
  std::atomic<bool> closed_ = false;
  std::mutex mutex_;
  std::condition_variable wake_, room_;
  std::deque<Item> items_;  // guarded by mutex_
};

}  // namespace autonorm::server
