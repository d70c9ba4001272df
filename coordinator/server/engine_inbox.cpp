#include "coordinator/server/engine_inbox.h"

#include <utility>

namespace autonorm::server {
namespace {

constexpr size_t kLimit = 65'536;      // items; post() and ask() wait when it is full
constexpr size_t kBatchLimit = 4'096;  // items per transaction

}  // namespace

bool EngineInbox::post(engine::EngineEvent event) {
  return put({.event = std::move(event), .question = {}, .arrival = {}});
}

bool EngineInbox::ask(Question question) { return put({.event = {}, .question = std::move(question), .arrival = {}}); }

bool EngineInbox::put(Item item) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return items_.size() < kLimit || closed_; });
  if (closed_) return false;
  item.arrival = clock_.now();  // under the lock: the times never go back
  items_.push_back(std::move(item));
  wake_.notify_one();
  return true;
}

EngineInbox::Batch EngineInbox::take(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, patience, [this] { return !items_.empty() || closed_; });
  Batch batch;
  while (!items_.empty() && batch.items.size() < kBatchLimit) {
    batch.items.push_back(std::move(items_.front()));
    items_.pop_front();
  }
  batch.all = items_.empty();
  room_.notify_all();
  return batch;
}

std::vector<EngineInbox::Question> EngineInbox::take_questions() {
  std::vector<Question> questions;
  {
    const std::lock_guard lock(mutex_);
    std::deque<Item> rest;
    for (Item& item : items_) {
      if (item.question) {
        questions.push_back(std::move(item.question));
      } else {
        rest.push_back(std::move(item));
      }
    }
    items_ = std::move(rest);
  }
  room_.notify_all();
  return questions;
}

void EngineInbox::pause(std::chrono::milliseconds span) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, span, [this] { return closed_.load(); });
}

void EngineInbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  room_.notify_all();
}

}  // namespace autonorm::server
