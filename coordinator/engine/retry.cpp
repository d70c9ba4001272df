#include "coordinator/engine/retry.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "coordinator/engine/claims.h"
#include "coordinator/engine/submission.h"
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

// The named trials, the stages that they need, and what failed only because of one of these. Parents have smaller keys
// than their children, so ascending order is the one in which they can start again.
class Selection {
 public:
  explicit Selection(const Core& core) : core_(core) {}

  void add(TrialKey key) {
    const Trial& trial = core_.at(key);
    if (!claimed(core_, trial) || dead_end(core_, trial) || !again_.insert(key).second) return;
    for (const StageInput& input : trial.inputs) {
      const Trial& stage = core_.at(input.trial);
      if (repeatable(stage.state)) add(input.trial);
      if (stage.state == TrialState::kSucceeded && !core_.artifacts.contains(stage.model)) lost_.insert(input.trial);
    }
    for (const TrialKey child : trial.children) {
      if (core_.at(child).state == TrialState::kFailed && core_.at(child).end == EndReason::kParent) add(child);
    }
  }
  const std::set<TrialKey>& again() const { return again_; }
  const std::set<TrialKey>& lost() const { return lost_; }  // stages whose model is gone: trained once more

 private:
  const Core& core_;
  std::set<TrialKey> again_, lost_;
};

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

Result<std::vector<TrialKey>> trials_of(const Core& core, const SweepEntry& entry, const RetryTrials& event) {
  const auto word = std::ranges::find(entry.words, event.variant);
  if (!event.variant.empty() && word == entry.words.end()) {
    const std::string near = nearest(event.variant, entry.words);
    return not_found("sweep ", entry.record.id, " has no variant '", event.variant, "'",
                     near.empty() ? cat("; it has ", join(entry.words)) : cat("; did you mean '", near, "'?"));
  }
  const auto variant = static_cast<uint32_t>(word - entry.words.begin());
  std::vector<TrialKey> found;
  for (const Claim& claim : entry.claims) {
    if (!event.variant.empty() && claim.variant != variant) continue;
    const TrialState state = core.at(claim.trial).state;
    if (state == TrialState::kFailed || (event.cancelled && state == TrialState::kCancelled))
      found.push_back(claim.trial);
  }
  return found;
}

Result<std::vector<TrialKey>> named_trials(const Core& core, const RetryTrials& event) {
  if (event.trial.empty() && !event.sweep) return invalid("which trials? name a sweep or a trial");
  if (!event.trial.empty() && !event.variant.empty()) return invalid("name a trial or a variant, not both");
  const SweepEntry* entry = nullptr;
  if (event.sweep) {
    const auto it = core.sweeps.find(event.sweep->value());
    if (it == core.sweeps.end()) return no_such_sweep(core, *event.sweep);
    entry = &it->second;
    if (entry->record.state == SweepState::kCancelled) return was_cancelled(*entry);
  }
  return event.trial.empty() ? trials_of(core, *entry, event) : trial_named(core, entry, event.trial);
}

// A halted sweep runs again; in another one only the failed trials that are left may stay tolerated.
void go_on(Core& core, SweepEntry& entry) {
  if (entry.record.state == SweepState::kHalted || failures(entry) < 0) tolerate_failures(core, entry);
}

int64_t start_again(Core& core, const std::vector<TrialKey>& named, Now now) {
  Selection selection(core);
  for (const TrialKey key : named) selection.add(key);
  for (const TrialKey stage : selection.lost()) run_again(core, stage, true, now);
  for (const TrialKey key : selection.again()) {
    if (repeatable(core.at(key).state)) run_again(core, key, false, now);
  }
  std::set<int64_t> sweeps;
  for (const TrialKey key : selection.again()) sweeps.insert(core.at(key).sweeps.begin(), core.at(key).sweeps.end());
  for (const int64_t id : sweeps) go_on(core, core.sweeps.at(id));
  return static_cast<int64_t>(selection.again().size());
}

}  // namespace

void on_retry(Core& core, const RetryTrials& event, Now now) {
  ActReply reply{.request = event.request, .status = {}};
  if (const ReplyRecord* known = remembered(core, event.idempotency_key)) {
    reply.trials_affected = known->affected;
  } else if (const auto named = named_trials(core, event); !named.ok()) {
    reply.status = named.status();
  } else {
    reply.trials_affected = start_again(core, *named, now);
    ReplyRecord record{.key = event.idempotency_key, .sweep = event.sweep.value_or(SweepId{})};
    record.affected = reply.trials_affected;
    remember(core, std::move(record));
    const nlohmann::json fields = {{"sweep", record.sweep.value()},
                                   {"variant", event.variant},
                                   {"trial", event.trial},
                                   {"trials", reply.trials_affected}};
    journal(core, now, "trials_retried", fields.dump());
  }
  core.batch.outbox.push_back(std::move(reply));
}

}  // namespace autonorm::engine
