// A worker's folder on local disk: DIR/rank-<n>/ with
//   lock           held while the process lives
//   worker-id      made once; so a restarted worker is the same one to the coordinator
//   incarnation    counts the starts
//   trials/<trial>/attempt-<n>/{trial.json, token, events.jsonl, log.txt, checkpoints/, inputs/}
// An attempt's folder is *open* while it has its `token` file; retire() takes that away and what is no longer needed
// with it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/durable_file.h"
#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/messages/fleet.h"

namespace autonorm::agent {

class WorkDir {
 public:
  // What stays of attempts that are over, newest first.
  struct Retention {
    size_t logs = 64;                             // log.txt of so many
    size_t checkpoints = 4;                       // the checkpoints of so many failed ones, for a retry to resume from
    int64_t checkpoint_bytes = int64_t{8} << 30;  // and of these together; the newest one stays whatever its size
  };

  // Makes the folder if need be, takes the lock, counts the incarnation. `fresh_id` becomes the worker's id when it has
  // none. kConflict: another process holds the lock (named by pid). kUnavailable, kExhausted, kInternal: the folder
  // cannot be written.
  static Result<WorkDir> open(const std::filesystem::path& parent, int rank, const std::string& fresh_id,
                              const Retention& retention);
  static Result<WorkDir> open(const std::filesystem::path& parent, int rank, const std::string& fresh_id) {
    return open(parent, rank, fresh_id, Retention());
  }

  const std::filesystem::path& path() const { return path_; }
  const WorkerId& worker() const { return worker_; }
  int64_t incarnation() const { return incarnation_; }

  std::filesystem::path folder(const fleet::AttemptKey& key) const;
  // Makes the attempt's folder with its configuration and token, durably.
  Status create(const fleet::AttemptKey& key, std::string_view config) const;
  // Attempts with a readable token, of this process and of earlier ones. Damaged folders are logged and passed over.
  std::vector<fleet::AttemptKey> open_attempts() const;
  // The attempt is over and acknowledged, or refused. Keeps log.txt, and checkpoints/ when `keep_checkpoints`, within
  // the bounds.
  Status retire(const fleet::AttemptKey& key, bool keep_checkpoints) const;
  // Folders checkpoints/<name> of every attempt of the trial, newest attempt first.
  std::vector<std::filesystem::path> checkpoints(const TrialId& trial) const;

 private:
  WorkDir() = default;
  void prune() const;

  Retention retention_;
  std::filesystem::path path_;
  Fd lock_;
  WorkerId worker_;
  int64_t incarnation_ = 0;
};

}  // namespace autonorm::agent
