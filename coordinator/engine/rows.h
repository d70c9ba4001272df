// Rows as the engine and the store exchange them: what the engine asks to be written (changes.h), and what the store
// hands back after a restart. Plain values, no SQL.
//
// Keys: the engine numbers trials and attempts itself (dense, from 1), so that a change needs no look-up.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/config/sweep.h"
#include "core/messages/fleet.h"
#include "core/messages/trial_state.h"

namespace autonorm::engine {

using TrialKey = int64_t;    // row of a trial; 0 = none
using AttemptRow = int64_t;  // row of an attempt; 0 = none

enum class SweepState {
  kSubmitting,
  kRunning,
  kPaused,  // by people; running trials were asked to leave
  kHalted,  // by its on_failure rule; running trials go on
  kCancelled,
};
std::string_view name(SweepState state);
std::optional<SweepState> parse_sweep_state(std::string_view word);

// A trial's resolved configuration as JSON without "seed" and "inputs", so that the seeds of one cell share a row.
struct FrozenConfig {
  Sha256 hash;       // of json
  std::string json;  // compact; an object
};
// The configuration of the trial at an index of Sweep::trials. Asked at most once per trial, in order: those of a large
// sweep together would take more memory than all else.
using FreezeConfig = std::function<std::shared_ptr<const FrozenConfig>(size_t trial)>;

using Labels = std::map<std::string, std::string>;

struct SweepRecord {
  SweepId id = {};
  Sha256 key = {};      // of the content and the trials it expands to: equal keys are the same sweep
  Sha256 content = {};  // of the source files
  std::string name, question, baseline, metric, profile = {};
  double margin = 0, alpha = 0.05;
  std::vector<uint64_t> seeds = {};
  int64_t max_seeds = 0;
  std::vector<std::string> variants, matrix_keys = {};
  int64_t cells = 0, trials = 0;
  bool fresh = false;
  int64_t priority = 0;      // added to that of its trials
  int64_t max_parallel = 0;  // trials at a time; 0 = no limit
  int64_t fail_fast = 0;     // so many failed trials halt it; 0 = never
  WallTime submitted{};
  SweepState state = SweepState::kSubmitting;
  int64_t tolerated = 0;  // failed trials that people have seen and gone on from
};
struct StageInput {
  std::string stage;
  TrialKey trial = 0;
};
// Settings that do not belong to a trial's identity; a later submission that revives the trial may change them.
struct TrialSettings {
  int64_t priority = 0, max_attempts = 3, timeout_s = 0, stall_timeout_s = 600;
  bool operator==(const TrialSettings&) const = default;
};
struct TrialRecord {
  TrialKey key = 0;
  TrialId id = {};
  uint64_t seed = 0;
  int64_t ranks = 1;
  std::string device = "auto";
  TrialSettings settings = {};
  std::vector<StageInput> inputs = {};
  TrialState state = TrialState::kQueued;
  Attempt attempt = {};  // newest; 0 = none yet
  Token token = {};      // of that attempt
  std::optional<EndReason> end = {};
  std::string reason = {};                        // in words, for failed trials and trials that try again
  int64_t counted = 0, uncounted = 0;             // ended attempts by kind (coordinator/engine/retry_policy.h)
  std::chrono::milliseconds trained{};            // training time that is in `resume`, since it was last run anew
  std::optional<fleet::ResumePoint> resume = {};  // newest committed checkpoint
  Sha256 model = {};                              // manifest of the final model; empty = none
};
struct ClaimRecord {
  SweepId sweep = {};
  int64_t position = 0;  // of the cell in the sweep; stages come after the cells
  TrialKey trial = 0;
  std::string variant = {};
  std::shared_ptr<const Labels> labels = {};
  uint64_t seed = 0;
  bool is_stage = false;
};
struct MemberRecord {
  int rank = 0;
  WorkerId worker = {};
  std::string host, device = {};
  int64_t incarnation = 0;  // of the worker then
  Seq acked = {};           // highest committed event of this member
  bool joined = false;      // said ready{joined}
  bool released = false;    // gave its slot back before the attempt ended
};
// A moment as two clocks show it. Steady times can be compared while `era` is the same and not 0
// (EngineOptions::clock_era), also over restarts of the coordinator; a wall clock may have been set meanwhile.
struct Moment {
  WallTime wall{};
  SteadyTime steady{};
  int64_t era = 0;
};
struct AttemptRecord {
  AttemptRow row = 0;
  TrialKey trial = 0;
  Attempt number = {};
  Token token = {};
  int32_t tag = 0;
  std::optional<fleet::ResumePoint> resume = {};
  std::string endpoint = {};  // of the leader's store; empty = not listening yet
  std::vector<MemberRecord> members = {};
  WallTime assigned{};
  std::optional<Moment> running = {};   // since when every rank trains
  std::chrono::milliseconds trained{};  // training time that was in `resume` when it was assigned
  int64_t log_lines = 0;                // stored so far
};
// A worker that people take out of use. Stored as its number: never change one.
enum class Drain {
  kNo = 0,
  kAfterTrial = 1,  // what it trains goes on to its end
  kNow = 2,         // what it trains writes a checkpoint and goes on elsewhere
};
std::string_view name(Drain drain);  // "no" | "after_trial" | "now"
std::optional<Drain> parse_drain(std::string_view word);
struct WorkerRecord {
  WorkerId id = {};
  int64_t incarnation = 0;
  std::string host, mpi_world = {};
  int mpi_rank = 0, mpi_size = 1, pid = 0;
  fleet::Device device = {};
  std::string build, torch = {};
  bool recovery = false;
  std::string quarantine = {};  // why nothing is sent there; empty = it is used
  Drain drain = Drain::kNo;     // outlives restarts of the worker and of the coordinator
  WallTime seen{};
};
// A retry of many trials, as far as it has come. A restart goes on with it.
struct RetryRecord {
  int64_t id = 0;
  SweepId sweep = {};        // 0: one trial was named, and the rest is what had failed because of it
  std::string variant = {};  // only this row; empty = all
  bool cancelled = false;    // cancelled trials too
  TrialKey after = 0;        // the last one of the sweep that was looked at, in rising order
  int64_t affected = 0;      // so far
  std::string key = {};      // idempotency key of the call
  std::string call = {};     // what it was about (idempotency.h)
};
// The answer that a repeated request with the same idempotency key gets.
struct ReplyRecord {
  std::string key = {};
  std::string call = {};  // what it was about (idempotency.h)
  SweepId sweep = {};
  bool existed = false;
  int64_t cells = 0, trials = 0, new_trials = 0, cached = 0, revived = 0, affected = 0, workers = 0;
  std::string answer = {};  // of a call that the engine does not carry out itself: as its server wants it kept
};

}  // namespace autonorm::engine
