#include "tests/support/cluster_walk.h"

#include <algorithm>
#include <array>

#include "core/base/philox.h"
#include "tests/support/cluster_work.h"

namespace autonorm::testing {
namespace {

constexpr size_t kMostWorkers = 5;
constexpr uint32_t kSweeps = 4;

struct Frequency {
  WalkAction action;
  std::string_view name;
  uint32_t weight;
};
constexpr auto kFrequencies = std::to_array<Frequency>({
    {WalkAction::kSubmit, "submit", 3},
    {WalkAction::kCancel, "cancel", 2},
    {WalkAction::kPause, "pause", 2},
    {WalkAction::kResume, "resume", 3},
    {WalkAction::kAttach, "attach", 1},
    {WalkAction::kDetach, "detach", 2},
    {WalkAction::kReattach, "reattach", 4},
    {WalkAction::kRestartWorker, "restart worker", 2},
    {WalkAction::kSilence, "silence", 2},
    {WalkAction::kObey, "obey", 10},
    {WalkAction::kReport, "report", 26},
    {WalkAction::kFail, "fail", 3},
    {WalkAction::kDuplicate, "duplicate", 2},
    {WalkAction::kReorder, "reorder", 2},
    {WalkAction::kDamage, "damage", 2},
    {WalkAction::kStale, "stale", 2},
    {WalkAction::kWait, "wait", 4},
    {WalkAction::kOutage, "outage", 1},
    {WalkAction::kClockJump, "clock jump", 1},
    {WalkAction::kRetry, "retry", 3},
    {WalkAction::kDrain, "drain", 2},
    {WalkAction::kUndrain, "undrain", 3},
    {WalkAction::kCrash, "crash", 2},
    {WalkAction::kDieMidway, "die midway", 3},
});

constexpr uint32_t total_weight() {
  uint32_t sum = 0;
  for (const Frequency& f : kFrequencies) sum += f.weight;
  return sum;
}

WalkAction draw(uint32_t word) {
  uint32_t left = word % total_weight();
  for (const Frequency& f : kFrequencies) {
    if (left < f.weight) return f.action;
    left -= f.weight;
  }
  return WalkAction::kWait;
}

template <class T>
const T& choose(const std::vector<T>& list, uint32_t which) {
  return list[which % list.size()];
}

std::vector<config::Sweep> walk_sweeps() {
  std::vector<TrialSpec> specs;
  for (uint64_t s = 0; s < 3; ++s)
    specs.push_back({.variant = "one", .seed = s, .priority = static_cast<int64_t>(s % 2)});
  for (uint64_t s = 0; s < 2; ++s) specs.push_back({.variant = "two", .seed = s, .ranks = 2});
  for (uint64_t s = 0; s < 2; ++s) specs.push_back({.variant = "student", .seed = s, .stage = "teacher"});
  std::vector<TrialSpec> limited{specs[0]};
  for (uint64_t s = 0; s < 3; ++s)
    limited.push_back(
        {.variant = "timed", .seed = s, .timeout_s = 12 + 4 * static_cast<int64_t>(s), .stall_timeout_s = 10});
  for (uint64_t s = 0; s < 3; ++s) limited.push_back({.variant = "fragile", .seed = s, .max_attempts = 1});
  std::vector<config::Sweep> sweeps{
      make_sweep("first", specs), make_sweep("second", {specs[0], specs[3], specs[5], {.variant = "extra"}}),
      make_sweep("third", {specs[1], specs[4], limited[4]}), make_sweep("fourth", limited)};
  sweeps[1].priority = 1;
  sweeps[2].max_parallel = 1;
  sweeps[2].fail_fast = 1;
  sweeps[3].max_parallel = 2;
  sweeps[3].fail_fast = 2;
  return sweeps;
}

}  // namespace

namespace {

bool changes_no_sweep(WalkAction action) {
  constexpr auto kOnSweeps = std::to_array(
      {WalkAction::kSubmit, WalkAction::kCancel, WalkAction::kPause, WalkAction::kResume, WalkAction::kRetry});
  return std::ranges::find(kOnSweeps, action) == kOnSweeps.end();
}

}  // namespace

engine::Limits walk_limits() {
  engine::Limits limits;
  limits.slice = 3;
  return limits;
}

std::vector<WalkOperation> make_walk(uint64_t seed, size_t length) {
  const RandomStream random(seed, "walk", "sim");
  std::vector<WalkOperation> walk;
  for (uint64_t i = 0; i < length; ++i)
    walk.push_back({draw(random.word(3 * i)), random.word(3 * i + 1), random.word(3 * i + 2)});
  return walk;
}

std::string describe(const WalkOperation& operation) {
  const auto it = std::ranges::find(kFrequencies, operation.action, &Frequency::action);
  return cat(it->name, " ", operation.a, " ", operation.b);
}

ClusterWalk::ClusterWalk(ClusterOptions options) : sweeps_(walk_sweeps()), cluster_(std::move(options)) {
  workers_ = cluster_.add_workers(3);
  model_.submit(sweeps_[0], false);
  cluster_.submit(sweeps_[0]);
  for (const engine::TrialView& view : live_trials(cluster_)) started_[view.id] = view.attempt;
}

void ClusterWalk::step(const WalkOperation& operation) {
  model_.observe(cluster_.engine(), cluster_.now());
  before_.reset();
  calm_ = changes_no_sweep(operation.action);
  try {
    carry_out(operation);
  } catch (const CoordinatorDied&) {
    if (!dies_) throw;  // its owner calls come_back()
    const bool committed = *dies_ != Death::kBeforeCommit;
    come_back([&] { return committed; });
    return;
  }
  before_.reset();
  check();
}

void ClusterWalk::carry_out(const WalkOperation& operation) {
  const auto [action, a, b] = operation;
  const WorkerId worker = choose(workers_, a);
  const std::vector<engine::TrialView> trials = live_trials(cluster_);
  const engine::TrialView* view = trials.empty() ? nullptr : &choose(trials, a);
  switch (action) {
    case WalkAction::kSubmit:
      return submit(a, b);
    case WalkAction::kCancel:
      return act(a, engine::SweepAction::kCancel);
    case WalkAction::kPause:
      return act(a, engine::SweepAction::kPause);
    case WalkAction::kResume:
      return act(a, engine::SweepAction::kResume);
    case WalkAction::kRetry:
      return retry(a, b);
    case WalkAction::kDrain:
      return drain(worker, b % 2 ? engine::Drain::kNow : engine::Drain::kAfterTrial);
    case WalkAction::kUndrain:
      return drain(worker, engine::Drain::kNo);
    case WalkAction::kAttach:
      if (workers_.size() < kMostWorkers) {
        workers_.push_back(WorkerId(cat("w", workers_.size())));  // known even when the coordinator dies of it
        cluster_.add_worker({.host = b % 2 ? "a" : "b"});
      }
      return;
    case WalkAction::kDetach:
      return cluster_.disconnect(worker);
    case WalkAction::kReattach:
      cluster_.disconnect(worker);
      return cluster_.connect(worker);
    case WalkAction::kRestartWorker:
      return cluster_.restart_worker(worker);
    case WalkAction::kSilence:
      cluster_.silence(worker);
      return;
    case WalkAction::kObey:
      return obey(cluster_, worker, [this](const TrialId& trial) { model_.bad_end(trial); });
    case WalkAction::kReport:
      if (view && works(cluster_, *view)) report(*view, b);
      return;
    case WalkAction::kFail:
      if (view && works(cluster_, *view)) fail(*view, b);
      return;
    case WalkAction::kDuplicate:
      return repeat(worker, b);
    case WalkAction::kReorder:
      if (view && works(cluster_, *view)) reorder(*view, b);
      return;
    case WalkAction::kDamage:
      if (view && works(cluster_, *view)) damage(*view);
      return;
    case WalkAction::kStale:
      if (!past_.empty()) {
        const auto [from, event] = choose(past_, b);
        if (listens(cluster_, from)) cluster_.deliver(from, event);
      }
      return;
    case WalkAction::kWait:
      return pass(std::chrono::milliseconds(500 * (1 + b % 8)));
    case WalkAction::kOutage:
      for (const WorkerId& id : workers_) cluster_.disconnect(id);
      return pass(15'500ms);
    case WalkAction::kClockJump:
      return cluster_.jump_wall_clock(std::chrono::seconds(static_cast<int64_t>(b % 7'201) - 3'600));
    case WalkAction::kCrash:
      return crash();
    case WalkAction::kDieMidway:
      dies_ = b % 2 ? Death::kBeforeCommit : Death::kBeforeSending;
      return cluster_.die_at_next_commit(*dies_);
  }
}

// An operation that the coordinator dies of has happened when its changes were committed.
void ClusterWalk::submit(uint32_t which, uint32_t how) {
  const config::Sweep& sweep = sweeps_[which % kSweeps];
  const bool fresh = how % 8 == 0;
  before_ = model_;
  const WalkModel::Submitted expected = model_.submit(sweep, fresh);
  const std::string key = how % 3 == 0 ? cat("key-", ++steps_) : "";
  submitting_ = fresh ? nullptr : &sweep;
  const engine::SubmitReply reply = cluster_.submit(sweep, fresh, key);
  submitting_ = nullptr;
  if (!reply.status.ok() || reply.sweep != expected.sweep || reply.existed != expected.existed)
    findings_.push_back(cat("a submission was answered with sweep ", reply.sweep, " (existed: ", reply.existed,
                            ") instead of ", expected.sweep, ": ", reply.status.message()));
  if (key.empty()) return;
  before_.reset();
  const engine::SubmitReply again = cluster_.submit(sweep, fresh, key);
  if (again.sweep != reply.sweep || again.new_trials != reply.new_trials || again.existed != reply.existed)
    findings_.push_back(cat("the same idempotency key got another answer, sweep ", again.sweep));
}

void ClusterWalk::act(uint32_t which, engine::SweepAction action) {
  const SweepId id(static_cast<int64_t>(which % static_cast<uint32_t>(model_.size())) + 1);
  before_ = model_;
  const bool accepted = model_.act(id, action);
  const engine::ActReply reply = cluster_.act(id, action);
  if (reply.status.ok() != accepted)
    findings_.push_back(cat("an action on sweep ", id, " was answered: ", reply.status.message()));
}

void ClusterWalk::retry(uint32_t which, uint32_t how) {
  const SweepId id(static_cast<int64_t>(which % static_cast<uint32_t>(model_.size())) + 1);
  engine::RetryTrials what{.sweep = id, .cancelled = how % 4 == 0};
  before_ = model_;
  if (how % 4 == 1) {
    const std::vector<engine::TrialView> trials = cluster_.engine().trials(id);
    what.trial = choose(trials, how / 4).id.value();
  }
  const bool accepted = model_.retry(what);
  if (how % 3 == 0) return retry_in_slices(what, how / 3);
  const engine::ActReply reply = cluster_.retry(what);
  if (reply.status.ok() != accepted)
    findings_.push_back(cat("a retry in sweep ", id, " was answered: ", reply.status.message()));
  if (!accepted || !what.trial.empty()) return;
  for (const engine::TrialView& view : cluster_.engine().trials(id)) {
    if (view.state == TrialState::kFailed)
      findings_.push_back(cat(short_form(view.id), " is failed after a retry of its sweep: ", view.reason));
  }
}

// Something else happens behind its first slice.
void ClusterWalk::retry_in_slices(const engine::RetryTrials& what, uint32_t meanwhile) {
  cluster_.apply(what);
  const WorkerId& worker = choose(workers_, meanwhile);
  if (meanwhile % 3 == 0) {
    pass(500ms);
  } else if (meanwhile % 3 == 1) {
    obey(cluster_, worker, [this](const TrialId& trial) { model_.bad_end(trial); });
  } else {
    crash();
  }
  while (cluster_.continue_submission()) {
  }
}

void ClusterWalk::drain(const WorkerId& id, engine::Drain drain) {
  before_ = model_;
  const std::vector<engine::WorkerView> known = cluster_.engine().workers(cluster_.now());
  const bool accepted = std::ranges::find(known, id, &engine::WorkerView::id) != known.end();
  if (accepted) model_.drain(id, drain);
  const engine::ActReply reply = cluster_.drain(id.value(), drain);
  if (reply.status.ok() != accepted)
    findings_.push_back(cat("draining ", id, " was answered: ", reply.status.message()));
}

void ClusterWalk::report(const engine::TrialView& view, uint32_t how) {
  if (view.state == TrialState::kAssigned) {
    join_ranks(cluster_, view);
  } else if (how % 3 == 0) {
    saving_ = view.id;
    cluster_.checkpoint(view.id, ++steps_);
    saving_.reset();
    model_.clocks.saved(view.id, cluster_.now().steady);
  } else if (how % 3 == 1) {
    cluster_.emit(view.workers[0], view.id, fleet::Metrics{{{"loss", ++steps_, 0.5}}});
    step_on(view);
  } else {
    finish(view);
  }
}

// Its trainer's heartbeat says that it has come further.
void ClusterWalk::step_on(const engine::TrialView& view) {
  const fleet::AttemptKey key = cluster_.key_at(view.workers[0], view.id);
  cluster_.say(view.workers[0], fleet::Heartbeat{{{key, steps_, 1'000'000, "training", 1.0, 10.0, 100}}});
  model_.clocks.stepped(view.id, cluster_.now().steady);
}

void ClusterWalk::finish(const engine::TrialView& view) {
  const double accuracy = 0.5 + static_cast<double>(++steps_) / 100'000;
  const fleet::AttemptKey key = cluster_.key_at(view.workers[0], view.id);
  offered_[view.id] = {key, accuracy};
  cluster_.finish(view.id, accuracy);
  if (cluster_.state(view.id) != TrialState::kSucceeded)
    findings_.push_back(cat("the result of ", short_form(view.id), " was not accepted: ", cluster_.reason(view.id)));
}

void ClusterWalk::fail(const engine::TrialView& view, uint32_t how) {
  constexpr auto kReasons = std::to_array({EndReason::kTrainerCrashed, EndReason::kHostOom, EndReason::kPreempted,
                                           EndReason::kDataMissing, EndReason::kCollectiveAborted});
  model_.bad_end(view.id);
  cluster_.fail(choose(view.workers, how / 8), view.id, kReasons[how % kReasons.size()]);
}

void ClusterWalk::repeat(const WorkerId& id, uint32_t which) {
  for (const auto& [trial, attempt] : cluster_.worker(id).attempts) {
    if (attempt.events.empty()) continue;
    const fleet::Event event = choose(attempt.events, which);
    if (listens(cluster_, id)) cluster_.deliver(id, event);
    return;
  }
}

// The second of two events comes first: the connection is closed, and after the next Hello both arrive in order.
void ClusterWalk::reorder(const engine::TrialView& view, uint32_t how) {
  const WorkerId& id = view.workers[0];
  if (view.state != TrialState::kRunning) return;
  cluster_.change_worker(id, [&](FakeWorker& worker) {
    FakeAttempt& attempt = worker.attempts.at(view.id);
    for (int i = 0; i < 2; ++i) {
      const auto seq = static_cast<int64_t>(attempt.events.size()) + 1;
      attempt.events.push_back({attempt.key, Seq(seq), fleet::Metrics{{{"loss", ++steps_, 0.25}}}});
    }
  });
  const fleet::Event second = cluster_.worker(id).attempts.at(view.id).events.back();
  cluster_.deliver(id, second);
  if (how % 2 == 0) cluster_.connect(id);
}

// Nothing is wrong with such a trial: it must not fail for it.
void ClusterWalk::damage(const engine::TrialView& view) {
  if (view.state != TrialState::kAssigned) return;
  const std::vector<fleet::Start> starts = only<fleet::Start>(cluster_.worker(view.workers[0]).inbox);
  const auto start = std::ranges::find(starts, cluster_.key_at(view.workers[0], view.id), &fleet::Start::key);
  if (start == starts.end() || !start->resume) return;
  fleet::Failed failed;
  failed.reason = EndReason::kDataCorrupt;
  failed.message = "its checkpoint is damaged";
  failed.unusable = start->resume->manifest;
  model_.clocks.damaged(view.id);
  cluster_.emit(view.workers[0], view.id, failed);
}

void ClusterWalk::crash() {
  dies_.reset();
  calm_ = false;
  watch_clocks(false);
  cluster_.restart();
  model_.clocks.restarted(cluster_.now().steady);
  cluster_.complete_submissions();  // as the engine's thread does at once, with whatever was cut off
}

void ClusterWalk::come_back(const std::function<bool()>& committed) {
  const config::Sweep* again = std::exchange(submitting_, nullptr);
  if (const auto trial = std::exchange(saving_, std::nullopt)) model_.clocks.perhaps_saved(*trial);
  crash();
  const bool happened = committed();
  if (before_ && !happened) model_ = *before_;
  before_.reset();
  if (again && happened) cluster_.submit(*again);  // nobody was answered
  check();
}

}  // namespace autonorm::testing
