// The coordinator's side of a worker in memory: takes what the agent sends, answers what the test says, keeps
// artifacts.
#pragma once
#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/base/durable_file.h"
#include "worker/agent/delivery/coordinator_link.h"
#include "worker/agent/delivery/event_queue.h"

namespace autonorm::agent {

class FakeLink final : public CoordinatorLink {
 public:
  void connect(const fleet::Hello& hello) override { hellos.push_back(hello); }
  void disconnect() override {}
  void send(const fleet::ToCoordinator& message) override { sent.push_back(message); }
  std::vector<LinkEvent> take() override { return incoming_.take(); }
  int fd() const override { return incoming_.fd(); }

  void say(LinkEvent event) { incoming_.post(std::move(event)); }

  // Of everything sent so far: events' bodies of one kind, in order.
  template <class T>
  std::vector<T> bodies() const {
    std::vector<T> found;
    for (const auto& message : sent) {
      const auto* event = std::get_if<fleet::Event>(&message);
      if (event == nullptr) continue;
      if (const auto* body = std::get_if<T>(&event->body)) found.push_back(*body);
    }
    return found;
  }
  std::vector<Seq> numbers(const fleet::AttemptKey& key) const {
    std::vector<Seq> found;
    for (const auto& message : sent) {
      const auto* event = std::get_if<fleet::Event>(&message);
      if (event != nullptr && event->key == key) found.push_back(event->seq);
    }
    return found;
  }
  bool freed(const fleet::AttemptKey& key) const { return slot_free(key) != nullptr; }
  // What came with it; nothing when it has not come.
  fleet::LastWords last_words(const fleet::AttemptKey& key) const {
    const fleet::SlotFree* free = slot_free(key);
    return free != nullptr ? free->last : fleet::LastWords();
  }

  std::vector<fleet::Hello> hellos;
  std::vector<fleet::ToCoordinator> sent;

 private:
  const fleet::SlotFree* slot_free(const fleet::AttemptKey& key) const {
    for (const auto& message : sent) {
      if (const auto* free = std::get_if<fleet::SlotFree>(&message); free != nullptr && free->key == key) return free;
    }
    return nullptr;
  }

  EventQueue<LinkEvent> incoming_;
};

// Thread-safe, because the mover calls it from its own thread.
class FakeArtifacts final : public ArtifactTransport {
 public:
  Status put(const Sha256& hash, const std::filesystem::path& file) override {
    const std::lock_guard lock(mutex_);
    if (away_) return unavailable("no coordinator");
    const auto text = read_file(file);
    if (!text.ok()) return text.status();
    files_[hash] = *text;
    return {};
  }
  Status get(const Sha256& hash, const std::filesystem::path& file) override {
    const std::lock_guard lock(mutex_);
    ++gets_;
    if (away_) return unavailable("no coordinator");
    if (!files_.contains(hash)) return not_found("no artifact ", hash);
    return write_file_durably(file, files_.at(hash));
  }
  void cancel() override {}

  void set_away(bool away) {
    const std::lock_guard lock(mutex_);
    away_ = away;
  }
  void add(const Sha256& hash, const std::string& content) {
    const std::lock_guard lock(mutex_);
    files_[hash] = content;
  }
  bool has(const Sha256& hash) {
    const std::lock_guard lock(mutex_);
    return files_.contains(hash);
  }
  int gets() {
    const std::lock_guard lock(mutex_);
    return gets_;
  }

 private:
  std::mutex mutex_;
  std::map<Sha256, std::string> files_;
  bool away_ = false;
  int gets_ = 0;
};

}  // namespace autonorm::agent
