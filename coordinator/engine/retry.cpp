#include "coordinator/engine/retry.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "coordinator/engine/claims.h"
#include "coordinator/engine/idempotency.h"
#include "coordinator/engine/sweep_states.h"
#include "coordinator/engine/transitions.h"
#include "core/base/text.h"

namespace autonorm::engine {
namespace {

bool repeatable(TrialState state) { return state == TrialState::kFailed || state == TrialState::kCancelled; }

std::string who(const Trial& trial) { return cat("trial ", short_form(trial.id)); }

// A stage that no retry can mend: its result is one that nobody can build on.
const StageInput* dead_end(const Core& core, const Trial& trial) {
  const auto it = std::ranges::find_if(trial.inputs, [&](const StageInput& input) {
    const Trial& stage = core.at(input.trial);
    if (is_open(stage.state)) return false;
    if (stage.state == TrialState::kSucceeded) return stage.model.value().empty();
    return !repeatable(stage.state) || dead_end(core, stage) != nullptr;
  });
  return it == trial.inputs.end() ? nullptr : &*it;
}

// Why this very trial cannot be retried; ok when it can.
Status check(const Core& core, TrialKey key) {
  const Trial& trial = core.at(key);
  if (is_open(trial.state)) {
    return conflict(who(trial), " is ", name(trial.state), "; only failed and cancelled trials are retried");
  }
  if (!repeatable(trial.state)) {
    return conflict(who(trial), " ", trial.state == TrialState::kSucceeded ? "" : "is ", name(trial.state),
                    ", which is a result; to train it once more: coordinator submit FILE --fresh");
  }
  if (!claimed(core, trial)) {
    return conflict("every sweep with ", who(trial), " was cancelled; submit its file again to go on");
  }
  if (const StageInput* stage = dead_end(core, trial)) {
    return conflict(who(trial), " needs stage ", stage->stage, " (", who(core.at(stage->trial)),
                    "), which left nothing to go on from; change the stage in the file");
  }
  return {};
}

Result<std::vector<TrialKey>> trial_named(const Core& core, const SweepEntry* entry, const std::string& prefix) {
  std::set<TrialKey> found;
  if (entry) {
    for (const Claim& claim : entry->claims) {
      if (core.at(claim.trial).id.value().starts_with(prefix)) found.insert(claim.trial);
    }
  } else {
    for (TrialKey key = 1; key < static_cast<TrialKey>(core.trials.size()); ++key) {
      if (core.at(key).id.value().starts_with(prefix)) found.insert(key);
    }
  }
  const std::string where = entry ? cat(" of sweep ", entry->record.id) : "";
  if (found.empty()) return not_found("no trial", where, " has an id that starts with '", prefix, "'");
  if (found.size() > 1) {
    return conflict(found.size(), " trials", where, " have an id that starts with '", prefix, "'; give more digits");
  }
  AUTONORM_RETURN_IF_ERROR(check(core, *found.begin()));
  return std::vector<TrialKey>{*found.begin()};
}

// In rising order, each once.
std::vector<TrialKey> trials_of(const Core& core, const SweepEntry& entry, const RetryRecord& retry) {
  const auto variant = std::ranges::find(entry.words, retry.variant) - entry.words.begin();
  std::vector<TrialKey> found;
  for (const Claim& claim : entry.claims) {
    if (!retry.variant.empty() && std::cmp_not_equal(claim.variant, variant)) continue;
    const TrialState state = core.at(claim.trial).state;
    const bool meant = state == TrialState::kFailed || (retry.cancelled && state == TrialState::kCancelled);
    if (meant && claim.trial > retry.after) found.push_back(claim.trial);
  }
  std::ranges::sort(found);
  const auto repeated = std::ranges::unique(found);
  found.erase(repeated.begin(), repeated.end());
  return found;
}

Status check_variant(const SweepEntry& entry, const std::string& variant) {
  if (variant.empty() || std::ranges::find(entry.words, variant) != entry.words.end()) return {};
  const std::string near = nearest(variant, entry.words);
  return not_found("sweep ", entry.record.id, " has no variant '", variant, "'; it has '", join(entry.words, "', '"),
                   "'", near.empty() ? "" : cat("; did you mean '", near, "'?"));
}

// All of a sweep comes back, or nothing: one that goes on has no cancelled trials.
bool revives(const SweepEntry& entry, const RetryTrials& event) {
  return event.cancelled && event.trial.empty() && event.variant.empty() && entry.trials == entry.record.trials;
}

Result<std::vector<TrialKey>> named_trials(const Core& core, const RetryTrials& event, const RetryRecord& retry) {
  if (event.trial.empty() && !event.sweep) return invalid("which trials? name a sweep or a trial");
  if (!event.trial.empty() && !event.variant.empty()) return invalid("name a trial or a variant, not both");
  const SweepEntry* entry = nullptr;
  if (event.sweep) {
    const auto it = core.sweeps.find(event.sweep->value());
    if (it == core.sweeps.end()) return no_such_sweep(core, *event.sweep);
    entry = &it->second;
    if (entry->record.state == SweepState::kCancelled && !revives(*entry, event)) return was_cancelled(*entry);
  }
  if (!event.trial.empty()) return trial_named(core, entry, event.trial);
  AUTONORM_RETURN_IF_ERROR(check_variant(*entry, event.variant));
  return trials_of(core, *entry, retry);
}

void go_on(Core& core, SweepEntry& entry) {
  if (entry.record.state == SweepState::kHalted) tolerate_failures(core, entry);
}

void revive(Core& core, SweepEntry& entry, Now now) {
  reopen(core, entry);
  tolerate_failures(core, entry);  // they are about to be tried again
  journal_state(core, entry, now);
}

// With the stages that it needs, and these first: a trial fails when it waits for one that has failed. What failed only
// because of this one comes along later. Returns how many started again.
int64_t start_again(Core& core, Retrial& job, TrialKey key, std::set<int64_t>& sweeps, Now now) {
  const Trial& trial = core.at(key);
  if (!repeatable(trial.state) || !claimed(core, trial)) return 0;
  if (dead_end(core, trial)) {
    // Cancelled before its stage came to that: now it fails for it.
    if (trial.state == TrialState::kCancelled) run_again(core, key, false, now);
    return 0;
  }
  int64_t started = 1;
  for (const StageInput& input : trial.inputs) {
    const Trial& stage = core.at(input.trial);
    const bool model_gone = stage.state == TrialState::kSucceeded && !core.artifacts.contains(stage.model);
    if (model_gone) run_again(core, input.trial, true, now);  // once more
    started += start_again(core, job, input.trial, sweeps, now);
  }
  run_again(core, key, false, now);
  sweeps.insert(trial.sweeps.begin(), trial.sweeps.end());
  for (const TrialKey child : trial.children) {
    if (core.at(child).state == TrialState::kFailed && core.at(child).end == EndReason::kParent)
      job.trials.push_back(child);
  }
  return started;
}

// Returns how many started again.
int64_t retry_next(Core& core, Retrial& job, std::set<int64_t>& sweeps, Now now) {
  const TrialKey key = job.trials.front();
  job.trials.pop_front();
  if (job.named > 0) {
    --job.named;
    job.record.after = key;
  }
  const int64_t started = start_again(core, job, key, sweeps, now);
  job.record.affected += started;
  return started;
}

void finish(Core& core, const Retrial& job) {
  if (job.written) core.change(RetryDone{job.record.id});
  ReplyRecord record{.key = job.record.key, .call = job.record.call, .sweep = job.record.sweep};
  record.affected = job.record.affected;
  remember(core, std::move(record));
  for (const RequestId request : job.callers) {
    core.batch.outbox.push_back(ActReply{.request = request, .status = {}, .trials_affected = job.record.affected});
  }
}

// What failed only because of a stage that runs again, or has run again: a cut retry had still to come to it.
std::vector<TrialKey> left_behind(const Core& core) {
  std::vector<TrialKey> found;
  for (TrialKey key = 1; key < static_cast<TrialKey>(core.trials.size()); ++key) {
    const Trial& trial = core.at(key);
    if (trial.state != TrialState::kFailed || trial.end != EndReason::kParent) continue;
    const bool stages_well = std::ranges::all_of(trial.inputs, [&](const StageInput& input) {
      const TrialState stage = core.at(input.trial).state;
      return is_open(stage) || stage == TrialState::kSucceeded;
    });
    if (stages_well) found.push_back(key);
  }
  return found;
}

// No sweep that claims a trial leaves it cancelled: a submission was on its way to revive it when a restart cut it off.
std::vector<TrialKey> not_revived(const Core& core) {
  std::vector<TrialKey> found;
  for (TrialKey key = 1; key < static_cast<TrialKey>(core.trials.size()); ++key) {
    if (core.at(key).state == TrialState::kCancelled && claimed(core, core.at(key))) found.push_back(key);
  }
  return found;
}

void note_retry(Core& core, const RetryTrials& event, size_t trials, Now now) {
  const nlohmann::json fields = {{"sweep", event.sweep.value_or(SweepId{}).value()},
                                 {"variant", event.variant},
                                 {"trial", event.trial},
                                 {"trials", trials}};
  journal(core, now, "trials_retried", fields.dump());
}

}  // namespace

void on_retry(Core& core, const RetryTrials& event, Now now) {
  ActReply reply{.request = event.request, .status = {}};
  RetryRecord record{.id = ++core.last_retry,
                     .sweep = event.trial.empty() ? event.sweep.value_or(SweepId{}) : SweepId{},
                     .variant = event.variant,
                     .cancelled = event.cancelled,
                     .key = event.idempotency_key,
                     .call = call_text(event)};
  const auto same = std::ranges::find_if(core.retrials, [&](const Retrial& job) {
    return !event.idempotency_key.empty() && job.record.key == event.idempotency_key;
  });
  if (const KnownCall known = look_up(core, event.idempotency_key, record.call); !known.is_new()) {
    reply = reply_of(known, event.request);
  } else if (same != core.retrials.end()) {
    same->callers.push_back(event.request);
    return;
  } else if (const auto named = named_trials(core, event, record); !named.ok()) {
    reply.status = named.status();
  } else {
    if (event.sweep) {
      SweepEntry& entry = core.sweeps.at(event.sweep->value());
      if (entry.record.state == SweepState::kCancelled) revive(core, entry, now);
    }
    note_retry(core, event, named->size(), now);
    core.retrials.push_back({.record = std::move(record),
                             .trials = {named->begin(), named->end()},
                             .named = named->size(),
                             .callers = {event.request}});
    continue_retries(core, now);
    return;
  }
  core.batch.outbox.push_back(std::move(reply));
}

bool continue_retries(Core& core, Now now) {
  if (core.retrials.empty()) return false;
  Retrial& job = core.retrials.front();
  std::set<int64_t> sweeps;
  constexpr int64_t kCostOfAStart = 16;  // rows, in looks at a trial that has started already
  for (int64_t left = kCostOfAStart * core.options.limits.slice; left > 0 && !job.trials.empty();)
    left -= std::max<int64_t>(1, kCostOfAStart * retry_next(core, job, sweeps, now));
  for (const int64_t id : sweeps) go_on(core, core.sweeps.at(id));
  if (!job.trials.empty()) {
    job.written = true;
    core.change(RetryNoted{job.record});
    return true;
  }
  finish(core, job);
  core.retrials.pop_front();
  return !core.retrials.empty();
}

void resume_retries(Core& core, std::vector<RetryRecord>&& records) {
  for (RetryRecord& record : records) {
    core.last_retry = std::max(core.last_retry, record.id);
    Retrial job{.record = std::move(record), .written = true};
    const auto entry = core.sweeps.find(job.record.sweep.value());
    if (entry != core.sweeps.end()) {
      const std::vector<TrialKey> named = trials_of(core, entry->second, job.record);
      job.trials.assign(named.begin(), named.end());
      job.named = named.size();
    }
    const std::vector<TrialKey> left = left_behind(core);
    job.trials.insert(job.trials.end(), left.begin(), left.end());
    core.retrials.push_back(std::move(job));
  }
  const std::vector<TrialKey> cut = not_revived(core);
  if (cut.empty()) return;
  core.retrials.push_back({.record = {.id = ++core.last_retry}, .trials = {cut.begin(), cut.end()}});
}

}  // namespace autonorm::engine
