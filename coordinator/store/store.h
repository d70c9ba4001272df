// The database of a state directory: DIR/autonorm.db (SQLite, WAL, synchronous=FULL) and DIR/artifacts. One process at
// a time holds the directory's lock file and is the only writer.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "coordinator/engine/changes.h"
#include "coordinator/store/artifact_store.h"
#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::store {

struct AttemptEnd {
  Attempt attempt;
  std::string end, message;  // a word of core/messages/trial_state.h; for people
  int signal = 0, exit_code = 0;
  int64_t step = 0;
  // The last 50 lines: of its output once a worker has told them, else of what it had logged until then.
  std::vector<std::string> log_tail;
  fleet::MemoryAtDeath memory;
};

// Not thread-safe, but for artifacts(): the engine's thread is its only user.
class Store {
 public:
  // Creates the directory when it is missing, takes its lock, migrates the database (a backup before each migration)
  // and adds 1 to the epoch. Failures, each with its remedy: another coordinator has the directory (kConflict, names
  // its pid); the directory is on NFS, Lustre or the like (kInvalid), is read-only (kInvalid), or its disk is full
  // (kExhausted); the database is of a newer release (kConflict). `clock` says how old artifacts are; it must outlive
  // the store.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& dir, const Clock& clock);
  ~Store();  // releases the lock
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const std::filesystem::path& directory() const;
  int64_t epoch() const;  // 1 for the first start of this directory, one more for each later one

  // All rows that an engine starts from.
  Result<engine::Snapshot> load();

  // Writes all changes in one transaction; after ok() they survive a power cut. kExhausted or kUnavailable (disk full,
  // I/O error, database busy): nothing was written, the same call may succeed later; the message says what is needed.
  // Anything else is a defect; kConflict means that the engine's idea of a trial and the row disagree.
  Status commit(std::span<const engine::Change> changes);

  // The resolved configuration of a trial as JSON, with its seed and inputs; kNotFound when there is no such trial.
  Result<std::string> trial_config(const TrialId& trial);
  Result<config::SweepSource> sweep_source(SweepId sweep);

  // Its durable checkpoints that still count, newest first.
  Result<std::vector<fleet::ResumePoint>> checkpoints(const TrialId& trial);

  // How the newest attempt of the trial that has ended without a result ended; absent when there is none.
  Result<std::optional<AttemptEnd>> last_failure(const TrialId& trial);

  ArtifactStore& artifacts();  // thread-safe

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace autonorm::store
