// What the engine asks the store to write, and all that it reads after a restart.
//
// Each change that concerns an attempt carries its token; the store repeats the check in SQL, so a late report cannot
// slip in twice.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "coordinator/engine/rows.h"

namespace autonorm::engine {

// ---- changes, in the order in which they are to be written ----
struct SweepInserted {
  SweepRecord sweep;
  config::SweepSource source;
};
struct SweepStateSet {
  SweepId sweep;
  SweepState state{};
  int64_t tolerated = 0;
};
struct TrialInserted {
  TrialRecord trial;
  std::shared_ptr<const FrozenConfig> config;
};
struct TrialRevised {
  TrialKey trial = 0;
  TrialSettings settings;
  std::shared_ptr<const FrozenConfig> config;
};
struct ClaimInserted {
  ClaimRecord claim;
};
// Along one edge of trial_edges.h. Refused (kConflict) unless the row has `from`, `attempt` and `token`.
struct TrialMoved {
  TrialKey trial = 0;
  TrialState from{};
  Attempt attempt = {};
  Token token = {};
  TrialState to{};
  Attempt new_attempt = {};
  Token new_token = {};
  std::optional<EndReason> end = {};
  std::string reason = {};
  int64_t counted = 0, uncounted = 0;
  bool anew = false;  // what earlier attempts met with counts no more
};
struct AttemptInserted {
  AttemptRecord attempt;
};
struct AttemptListening {
  AttemptRow row = 0;
  Token token;
  std::string endpoint;
};
struct AttemptRunning {
  AttemptRow row = 0;
  Token token;
  Moment since;
};
struct MemberAdvanced {
  AttemptRow row = 0;
  int rank = 0;
  Token token;
  Seq acked;
  bool joined = false;
  bool released = false;
};
struct AttemptEnded {
  AttemptRow row = 0;
  Token token = {};
  EndReason reason{};
  std::string message = {};
  WorkerId culprit = {};  // whose rank ended it; empty = nobody's
  int signal = 0, exit_code = 0;
  int64_t step = 0;
  std::vector<std::string> log_tail = {};
  fleet::MemoryAtDeath memory = {};
  WallTime time{};
};
// What the trainer of an attempt left behind that the engine itself had ended. The store keeps it where the end has no
// such text yet and the worker is the one that ended it or, when none did, rank 0's.
struct AttemptDescribed {
  TrialKey trial = 0;
  Attempt number = {};
  Token token = {};
  WorkerId worker = {};
  fleet::LastWords last = {};
};
struct MetricsAdded {
  AttemptRow row = 0;
  Token token;
  std::vector<fleet::MetricPoint> points;
};
struct NormStatsAdded {
  AttemptRow row = 0;
  Token token;
  std::vector<fleet::NormStat> stats;
};
struct LogAdded {
  AttemptRow row = 0;
  Token token;
  int rank = 0;
  fleet::LogLine line;
  WallTime time{};
};
struct CheckpointAdded {
  AttemptRow row = 0;
  TrialKey trial = 0;
  Token token;
  fleet::CheckpointSaved checkpoint;
  bool durable = true;
  std::chrono::milliseconds trained{};  // of the trial, when durable
};
// It cannot be read any more: the next attempt begins from `resume`, an older one, or anew.
struct CheckpointDropped {
  TrialKey trial = 0;
  Token token;
  Sha256 manifest;
  std::optional<fleet::ResumePoint> resume;
  std::chrono::milliseconds trained{};  // that is in `resume`
};
struct ResultAdded {
  TrialKey trial = 0;
  AttemptRow row = 0;
  Token token;
  fleet::Finished finished;
};
// A rerun was asked for: results and checkpoints of earlier attempts no longer count.
struct ResultDropped {
  TrialKey trial = 0;
};
struct ArtifactAdded {
  Sha256 hash;
  int64_t bytes = 0;
  WallTime time{};
};
struct ArtifactsRemoved {
  std::vector<Sha256> hashes;
};
struct WorkerSeen {
  WorkerRecord worker;
};
struct ReplyRemembered {
  ReplyRecord reply;
};
struct RetryNoted {
  RetryRecord retry;
};
struct RetryDone {
  int64_t id = 0;
};
struct Journal {
  WallTime time{};
  std::string kind;
  std::string json;
};

using Change =
    std::variant<SweepInserted, SweepStateSet, TrialInserted, TrialRevised, ClaimInserted, TrialMoved, AttemptInserted,
                 AttemptListening, AttemptRunning, MemberAdvanced, AttemptEnded, AttemptDescribed, MetricsAdded,
                 NormStatsAdded, LogAdded, CheckpointAdded, CheckpointDropped, ResultAdded, ResultDropped,
                 ArtifactAdded, ArtifactsRemoved, WorkerSeen, ReplyRemembered, RetryNoted, RetryDone, Journal>;

// An ended attempt of a trial that tries again, and the worker whose rank ended it.
struct BlameRecord {
  TrialKey trial = 0;
  EndReason reason{};
  WorkerId worker = {};
  std::string host = {};
};

// A trainer that crashed lately on a worker that has neither finished a trial nor been restarted since.
struct CrashRecord {
  WorkerId worker = {};
  TrialKey trial = 0;
  int signal = 0;  // 0 = none
  WallTime time{};
};

// Everything that a new engine needs to go on where the last one stopped.
struct Snapshot {
  std::vector<SweepRecord> sweeps;
  std::vector<TrialRecord> trials;  // by key
  std::vector<ClaimRecord> claims;  // by sweep, position
  std::vector<AttemptRecord> open_attempts;
  std::vector<BlameRecord> blames;   // since the trial was last run anew
  std::vector<CrashRecord> crashes;  // in order of time
  std::vector<RetryRecord> retries;  // unfinished, in the order in which they were asked for
  std::vector<WorkerRecord> workers;
  std::vector<Sha256> artifacts;  // whose files are in place
  std::vector<ReplyRecord> replies;
  AttemptRow last_attempt = 0;
};

}  // namespace autonorm::engine
