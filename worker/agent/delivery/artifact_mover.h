// Moves checkpoints between attempt folders and the coordinator, on a thread of its own: put every file of the folder,
// then its manifest; or get the manifest, then every file, all verified. While no coordinator answers it keeps trying.
#pragma once
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/messages/fleet.h"
#include "worker/agent/delivery/coordinator_link.h"
#include "worker/agent/delivery/event_queue.h"

namespace autonorm::agent {

struct PutFolder {
  fleet::AttemptKey key;
  std::string name;  // of the folder, as the spool calls it
  std::filesystem::path folder;
};
struct GetFolder {
  fleet::AttemptKey key;
  std::string name;
  std::filesystem::path folder;  // made; complete once reported
  Sha256 manifest;
  std::vector<std::filesystem::path> candidates;  // local folders that may hold the same checkpoint
};
// What became of it. Not kUnavailable: that is tried again.
struct Moved {
  std::variant<PutFolder, GetFolder> job;
  Status status;
};

class ArtifactMover {
 public:
  static constexpr std::chrono::milliseconds kRetry{1000};

  explicit ArtifactMover(ArtifactTransport& transport);
  // Breaks off what is under way.
  ~ArtifactMover();

  void put(PutFolder job);
  void get(GetFolder job);
  // Jobs of this attempt are not begun, and not tried again; a report may still come.
  void forget(const fleet::AttemptKey& key);
  std::vector<Moved> take() { return done_.take(); }
  int fd() const { return done_.fd(); }

 private:
  using Job = std::variant<PutFolder, GetFolder>;

  void add(Job job);
  void run();
  Status move(const Job& job);
  Status move(const PutFolder& job);
  Status move(const GetFolder& job);
  bool wanted(const fleet::AttemptKey& key);

  ArtifactTransport& transport_;
  EventQueue<Moved> done_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;                      // guarded by mutex_, like the rest
  std::optional<fleet::AttemptKey> current_;  // empty also once it is forgotten
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace autonorm::agent
