// Makes the engine's changes durable, and says what is in the way while that does not work.
#pragma once
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "coordinator/engine/changes.h"
#include "coordinator/server/engine_inbox.h"

namespace autonorm::store {
class Store;
}

namespace autonorm::server {

// commit() is the engine's thread's; trouble() is thread-safe. What is handed in must outlive it.
class Committer {
 public:
  Committer(store::Store& store, EngineInbox& inbox, const std::function<void(const Status&)>& on_fatal)
      : store_(store), inbox_(inbox), on_fatal_(on_fatal) {}

  // Tries for ever where that can help; meanwhile nothing else is decided, but `meanwhile` is called again and again,
  // so that people can ask what is going on. False when the loop is to stop.
  bool commit(std::span<const engine::Change> changes, const std::function<void()>& meanwhile);

  // What is needed to go on; absent when all is well.
  std::optional<std::string> trouble() const;

 private:
  void set_trouble(std::optional<std::string> text);

  store::Store& store_;
  EngineInbox& inbox_;
  const std::function<void(const Status&)>& on_fatal_;
  mutable std::mutex mutex_;
  std::optional<std::string> trouble_;  // guarded by mutex_
};

}  // namespace autonorm::server
