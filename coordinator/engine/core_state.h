// Everything the engine knows, as plain data. The functions that change it are grouped by subject in the neighbouring
// files; each takes the Core and, where time matters, `now`. Private to coordinator/engine.
#pragma once
#include <array>
#include <boost/container/small_vector.hpp>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "coordinator/engine/engine.h"
#include "coordinator/engine/packed_id.h"
#include "coordinator/engine/seldom.h"
#include "coordinator/engine/trial_index.h"
#include "coordinator/scheduler/capacity.h"

namespace autonorm::engine {

// One member of a gang, as long as its attempt is the trial's current one.
struct Member {
  WorkerId worker;
  Seq acked;              // highest event applied; committed together with its effects
  bool joined = false;    // said ready{joined}
  bool released = false;  // its slot is free again
  bool dirty = false;     // one of the above changed since the last take()
};

// The current attempt of a trial that is assigned or running.
struct LiveAttempt {
  AttemptRow row = 0;
  int32_t tag = 0;
  std::optional<fleet::ResumePoint> resume;             // where it started from
  std::string endpoint;                                 // of the leader's store; empty = not listening yet
  std::vector<Member> members;                          // in rank order
  std::map<int64_t, fleet::CheckpointSaved> undurable;  // step → checkpoint whose artifact has not arrived
  int64_t log_lines = 0;
  std::chrono::milliseconds trained{};   // training time that was in `resume`
  SteadyTime assigned{}, running{};      // `assigned` counts from the restore after a restart
  SteadyTime moved{};                    // last step, or last sign of a phase that needs none
  std::optional<SteadyTime> kill_at;     // asked to checkpoint and stop; killed from then on
  std::string stop_text;                 // why it was asked
  std::optional<SteadyTime> result_due;  // the leader gave its slot back; its result must come by then
  fleet::AttemptProgress progress;       // of rank 0; live view only
};

// Rarely needed memory of a trial that tries again.
struct Misfortune {
  std::set<WorkerId> avoid;              // workers where it failed
  SteadyTime failed{};                   // when it last did, or the restore after a restart
  std::set<std::string> no_data;         // hosts where its data is missing
  std::map<std::string, int64_t> tried;  // "worker W on HOST" → attempts that ended badly there
};

// There is one for every trial ever submitted: small, because there may be hundreds of thousands.
struct Trial {
  PackedId<TrialId, 32> id;
  uint64_t seed = 0;
  int32_t ranks = 1;
  ShortWord device;
  TrialSettings settings;
  TrialState state = TrialState::kQueued;
  Attempt attempt;
  PackedId<Token, 16> token;
  std::optional<EndReason> end;
  SeldomText reason;
  int32_t counted = 0, uncounted = 0;
  Seldom<fleet::ResumePoint> resume;
  std::chrono::milliseconds trained{};  // as TrialRecord says
  PackedId<Sha256, 32> model;
  std::vector<StageInput> inputs;
  std::vector<TrialKey> children;
  boost::container::small_vector<int64_t, 1> sweeps;  // that claim it; distinct
  std::unique_ptr<LiveAttempt> live;                  // assigned or running
  std::unique_ptr<Misfortune> misfortune;
};

struct Claim {
  TrialKey trial = 0;
  int64_t position = 0;
  uint32_t variant = 0;  // into SweepEntry::words
  bool is_stage = false;
  uint64_t seed = 0;
  std::shared_ptr<const Labels> labels;
};

// The order within a lane: higher priority first, then older first.
struct QueueKey {
  int64_t negative_priority = 0;
  TrialKey trial = 0;
  auto operator<=>(const QueueKey&) const = default;
};
// Trials that need the same kind of gang queue together: when one of them does not fit, none does.
struct Shape {
  int64_t ranks = 1;
  std::string device;
  std::set<std::string> no_data = {};  // hosts where its data is missing
  auto operator<=>(const Shape&) const = default;
};
// The order between sweeps.
struct Turn {
  int64_t negative_priority = 0;  // of the first trial of the lane
  int64_t share = 0;              // slots that the sweep holds
  int64_t served = 0;             // when the sweep last had a turn: equal shares take turns
  int64_t sweep = 0;
  auto operator<=>(const Turn&) const = default;
};
struct Lane {
  std::set<QueueKey> trials;  // queued; not empty
  std::optional<Turn> turn;   // in Core::turns; absent while the sweep may start nothing
};

// Failures that count as the same one.
struct FailureKind {
  EndReason end{};
  std::string pattern;  // failure_pattern() of the message
  auto operator<=>(const FailureKind&) const = default;
};

struct SweepEntry {
  SweepRecord record;
  std::vector<std::string> words;  // variant names
  std::vector<Claim> claims;
  std::vector<bool> positions;                         // that are claimed; only while a submission runs
  int64_t trials = 0;                                  // distinct
  std::array<int64_t, 9> counts{};                     // distinct trials by state
  int64_t slots_in_use = 0;                            // of its trials that are assigned or running
  int64_t served = 0;                                  // Core::turns_taken when a trial of it started last
  std::map<Shape, Lane> lanes;                         // its queued trials
  std::map<FailureKind, std::set<TrialKey>> failures;  // failed trials
  bool interrupted = false;                            // half inserted, and its submission is gone
};

// A submission in progress. Several callers may wait for one.
struct Submission {
  SweepId sweep;
  std::shared_ptr<const config::Sweep> content;
  FreezeConfig freeze;
  std::vector<uint32_t> cells;                                  // indices into content->cells, by trial
  std::unordered_map<TrialId, std::string> stage_names;         // stage trial → name
  std::unordered_map<TrialId, std::vector<uint32_t>> children;  // stage trial → indices of those that need it
  int64_t next = 0;                                             // index into content->trials
  bool fresh = false;
  bool was_cut = false;  // by a restart, and goes on now
  bool resumes = false;  // as SubmitSweep says
  SubmitReply reply;     // counts so far
  struct Caller {
    RequestId request = 0;
    bool existed = false;
    std::string idempotency_key, call;
  };
  std::vector<Caller> callers;
};

// The cancellation of a large sweep takes several slices; its sweep counts as cancelled from the first one on.
struct Cancellation {
  SweepId sweep;
  std::vector<TrialKey> trials = {};  // a trial comes before its stages: none fails for one cancelled with it
  size_t next = 0;
  int64_t affected = 0;
  struct Caller {
    RequestId request = 0;
    std::string idempotency_key, call;
  };
  std::vector<Caller> callers = {};
};

// The retry of many trials, likewise.
struct Retrial {
  RetryRecord record;
  // Named ones in rising order, then what failed only because of a stage that has started again meanwhile.
  std::deque<TrialKey> trials = {};
  size_t named = 0;      // of those
  bool written = false;  // the store knows of it
  std::vector<RequestId> callers = {};
};

// What a worker's slot is busy with: the current attempt of a trial, or one that has ended and whose trainer may still
// be there.
struct Occupant {
  fleet::AttemptKey key;
  TrialKey trial = 0;  // 0 = unknown here
  int32_t tag = 0;     // MPI tag of its gang; 0 = one rank, or unknown here
  bool ended = false;
  SteadyTime kill_again{};  // when ended: a Stop is sent then, unless the slot is free
};

struct Crash {
  TrialKey trial = 0;
  int signal = 0;  // 0 = none
  SteadyTime time{};
};

struct Worker {
  WorkerRecord record;
  std::optional<SessionId> session;
  SteadyTime lease_until{};
  std::string address;  // where peers reach it
  bool lost = false;    // its lease expired or it said goodbye; record.* stays for people
  std::string why_lost;
  std::optional<Occupant> occupant;
  std::deque<Crash> crashes;
  bool reserved = false;                    // withheld for a gang; display only
  std::optional<scheduler::Place> counted;  // in Core::capacity
};

struct AckKey {
  SessionId session;
  fleet::AttemptKey key;
  auto operator<=>(const AckKey&) const = default;
};

struct Core {
  explicit Core(EngineOptions o) : options(std::move(o)) {}

  EngineOptions options;
  int64_t tokens_made = 0;

  std::deque<Trial> trials = std::deque<Trial>(1);  // by key; [0] is unused; a deque: growing moves nothing
  TrialIndex trial_index;                           // see find_trial(), add_trial()
  std::map<int64_t, SweepEntry> sweeps;             // by id
  std::map<Sha256, int64_t> sweep_keys;             // SweepRecord::key → newest sweep
  std::deque<Submission> submissions;               // in order of arrival; a slice of the first one at a time
  std::deque<Cancellation> cancellations;           // likewise
  std::deque<Retrial> retrials;                     // likewise
  int64_t last_retry = 0;                           // RetryRecord::id
  std::map<std::string, ReplyRecord> replies;       // by idempotency key
  std::deque<std::string> reply_order;

  std::map<Shape, std::set<Turn>> turns;  // of sweeps that may start a trial now
  int64_t turns_taken = 0;
  std::set<TrialKey> live;                                        // assigned or running
  std::unordered_set<Sha256> artifacts;                           // durable
  std::unordered_map<Sha256, std::set<TrialKey>> awaited_models;  // not durable yet → waiting trials
  AttemptRow last_attempt = 0;

  std::map<WorkerId, Worker> workers;
  std::map<SessionId, WorkerId> sessions;
  // Every worker that may take a trial now, and some that may not: a pass over a few of them must not cost a look at
  // all workers. Whatever makes a worker free calls note_free(); placement drops the others when it meets them.
  std::set<WorkerId> maybe_free;
  scheduler::Capacity capacity;    // of usable workers, free or not: see count_capacity()
  std::vector<WorkerId> reserved;  // workers whose `reserved` is set, all for …
  TrialKey reserved_for = 0;       // … this trial

  bool schedule_due = true;
  TrialKey blocked = 0;  // trial at the head that does not fit, since …
  SteadyTime blocked_since{};
  std::string reserved_world;
  double finished_seconds = 0;  // since this start, for the time left
  int64_t finished_attempts = 0;

  std::map<AckKey, Seq> acks;      // to be sent with the next batch
  std::vector<TrialKey> advanced;  // trials with a dirty member, perhaps more than once
  Batch batch;

  Trial& at(TrialKey key) { return trials[static_cast<size_t>(key)]; }
  const Trial& at(TrialKey key) const { return trials[static_cast<size_t>(key)]; }
  // Of a trial that it holds.
  TrialKey key_of(const Trial& trial) const {
    return trial_index.find(trial.id.word(), [&](TrialKey key) { return &at(key) == &trial; });
  }
  void change(Change change) { batch.changes.push_back(std::move(change)); }
  void send(SessionId session, fleet::ToWorker message) {
    batch.outbox.push_back(ToSession{session, std::move(message)});
  }
  // To a worker that may be away: it learns of it when it comes back.
  void send(const Worker& worker, fleet::ToWorker message) {
    if (worker.session) send(*worker.session, std::move(message));
  }
};

inline fleet::AttemptKey attempt_key(const Trial& trial) { return {trial.id, trial.attempt, trial.token}; }
// Training time of a live trial: what was in the checkpoint that its attempt began from, and this attempt's own.
std::chrono::milliseconds training_time(const Trial& trial, Now now);
// Usable, and its slot is empty.
bool can_take_trial(const Worker& worker);
// A worker's slot, session or quarantine changed in its favour.
void note_free(Core& core, const Worker& worker);
// Whether the worker is usable has changed, or where it is.
void count_capacity(Core& core, Worker& worker);
// The trial with this id; 0 = none.
TrialKey find_trial(const Core& core, const TrialId& id);
TrialKey add_trial(Core& core, Trial trial);
// The member that runs on `worker`; nullptr = none.
Member* find_member(LiveAttempt& live, const WorkerId& worker);
int rank_of(const LiveAttempt& live, const Member& member);
Worker* find_worker(Core& core, const WorkerId& id);
const Worker* find_worker(const Core& core, const WorkerId& id);
// A line for people in the journal, with `fields` as JSON text ("{...}").
void journal(Core& core, Now now, std::string kind, std::string json);
// "worker W on HOST": what messages call it.
std::string describe(const Worker& worker);
// Connected, and neither quarantined nor drained: trials may start there.
bool usable(const Worker& worker);

}  // namespace autonorm::engine
