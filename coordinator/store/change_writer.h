// Changes of the engine → SQL, inside the caller's transaction.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "coordinator/engine/changes.h"
#include "core/base/status.h"

namespace autonorm::store {

class Connection;

// Not thread-safe. Throws SQLite::Exception.
class ChangeWriter {
 public:
  explicit ChangeWriter(Connection& connection) : connection_(connection) {}
  // kConflict: the row has left the state, attempt or token that the change names.
  Status write(const engine::Change& change);
  // After a rollback: rows that it remembered are gone.
  void forget() { configurations_.clear(), lists_.clear(); }

 private:
  Status put(const engine::SweepInserted& change);
  Status put(const engine::SweepStateSet& change);
  Status put(const engine::TrialInserted& change);
  Status put(const engine::TrialRevised& change);
  Status put(const engine::ClaimInserted& change);
  Status put(const engine::TrialMoved& change);
  Status put(const engine::AttemptInserted& change);
  Status put(const engine::AttemptListening& change);
  Status put(const engine::AttemptRunning& change);
  Status put(const engine::MemberAdvanced& change);
  Status put(const engine::AttemptEnded& change);
  Status put(const engine::AttemptDescribed& change);
  Status put(const engine::MetricsAdded& change);
  Status put(const engine::NormStatsAdded& change);
  Status put(const engine::LogAdded& change);
  Status put(const engine::CheckpointAdded& change);
  Status put(const engine::CheckpointDropped& change);
  Status put(const engine::ResultAdded& change);
  Status put(const engine::ResultDropped& change);
  Status put(const engine::ArtifactAdded& change);
  Status put(const engine::ArtifactsRemoved& change);
  Status put(const engine::WorkerSeen& change);
  Status put(const engine::ReplyRemembered& change);
  Status put(const engine::RetryNoted& change);
  Status put(const engine::RetryDone& change);
  Status put(const engine::Journal& change);

  // The row of a configuration, inserted when it is new.
  int64_t configuration_row(const engine::FrozenConfig& config);
  // The row of a list of texts, inserted when it is new; absent for an empty one.
  std::optional<int64_t> list_row(const nlohmann::json& texts);
  void put_member(engine::AttemptRow attempt, const engine::MemberRecord& member);
  Status point_at(engine::TrialKey trial, const Token& token, const std::optional<fleet::ResumePoint>& resume,
                  std::chrono::milliseconds trained);
  // kConflict unless the attempt is open and has the token.
  Status check_open(engine::AttemptRow attempt, const Token& token);

  Connection& connection_;
  std::unordered_map<Sha256, int64_t> configurations_;  // hash → row, of the newest ones
  std::unordered_map<Sha256, int64_t> lists_;           // the same
  std::shared_ptr<const engine::Labels> labels_;        // of the newest claim
  std::string labels_text_;
};

}  // namespace autonorm::store
