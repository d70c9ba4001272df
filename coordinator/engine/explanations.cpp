#include "coordinator/engine/explanations.h"

#include <algorithm>
#include <set>

#include "coordinator/engine/outlook.h"
#include "coordinator/engine/placement.h"
#include "coordinator/engine/sweep_states.h"
#include "coordinator/engine/transitions.h"
#include "coordinator/engine/waiting_line.h"
#include "core/base/text.h"

namespace autonorm::engine {
namespace {

constexpr size_t kExplainedTrials = 50;

std::string progress_of(const Trial& trial) {
  if (!trial.live || trial.live->progress.step == 0) return "";
  return cat(", step ", trial.live->progress.step, "/", trial.live->progress.total_steps);
}

std::string percent_of(const Trial& trial) {
  if (!trial.live || trial.live->progress.total_steps <= 0) return "";
  return cat(", ", 100 * trial.live->progress.step / trial.live->progress.total_steps, " % done");
}

std::string labels_of(const SweepEntry& entry, const Claim& claim) {
  std::vector<std::string> words{entry.words[claim.variant]};
  for (const auto& [key, value] : *claim.labels) words.push_back(cat(key, " = ", value));
  words.push_back(cat("seed ", claim.seed));
  return join(words);
}

std::string limit_text(const SweepEntry& entry) {
  const int64_t active = active_trials(entry);
  return cat("held by max_parallel = ", entry.record.max_parallel, " of sweep ", entry.record.id, ": ", active,
             active == 1 ? " of its trials is running" : " of its trials are running");
}

std::string starting_reason(const Core& core, const Trial& trial) {
  const auto joined = std::ranges::count(trial.live->members, true, &Member::joined);
  const auto timeout = std::chrono::duration_cast<std::chrono::seconds>(core.options.limits.start_timeout);
  return cat("starting: ", joined, " of ", trial.ranks, trial.ranks == 1 ? " rank has" : " ranks have",
             " joined; tried again should it take more than ", timeout.count(), " s");
}

std::string running_line(const Core& core, const Trial& trial) {
  std::vector<std::string> places;
  for (const Member& member : trial.live->members) {
    const Worker* worker = find_worker(core, member.worker);
    const std::string host = worker ? worker->record.host : "?";
    places.push_back(
        cat("rank ", rank_of(*trial.live, member), " on ", host, member.joined ? "" : " (not joined yet)"));
  }
  return cat("attempt ", trial.attempt, ": ", join(places), progress_of(trial));
}

ExplainedTrial explained(const Core& core, Explainer& explainer, const SweepEntry& entry, const Claim& claim, Now now) {
  const Trial& trial = core.at(claim.trial);
  ExplainedTrial view{.id = trial.id,
                      .sweep = entry.record.id,
                      .variant = entry.words[claim.variant],
                      .labels = *claim.labels,
                      .seed = claim.seed,
                      .is_stage = claim.is_stage,
                      .state = trial.state,
                      .attempt = trial.attempt,
                      .reason = explainer.reason(claim.trial),
                      .outlook = explainer.outlook(claim.trial, now),
                      .failed_attempts = trial.counted,
                      .max_attempts = trial.settings.max_attempts,
                      .checkpoint_step = {}};
  if (trial.resume && is_open(trial.state)) view.checkpoint_step = trial.resume->step;
  return view;
}

std::string timeout_line(const Trial& trial, Now now) {
  return cat("has trained for ", std::chrono::duration_cast<std::chrono::seconds>(training_time(trial, now)).count(),
             " s; its timeout ends it at ", trial.settings.timeout_s, " s");
}

std::vector<std::string> lines_of(const Core& core, const SweepEntry& entry, const Claim& claim,
                                  const ExplainedTrial& view, Now now) {
  const Trial& trial = core.at(claim.trial);
  std::vector<std::string> lines{cat("trial ", short_form(trial.id), claim.is_stage ? " (stage " : " (",
                                     labels_of(entry, claim), ", sweep ", entry.record.id, "): ", name(trial.state))};
  if (trial.live) lines.push_back("  " + running_line(core, trial));
  if (trial.live && trial.settings.timeout_s > 0) lines.push_back("  " + timeout_line(trial, now));
  if (!view.reason.empty()) lines.push_back("  " + view.reason);
  if (!view.outlook.empty()) lines.push_back("  " + view.outlook);
  if (trial.counted > 0) {
    lines.push_back(cat("  ", trial.counted, " of ", trial.settings.max_attempts, " attempts have failed so far"));
  }
  if (view.checkpoint_step) lines.push_back(cat("  newest checkpoint: step ", *view.checkpoint_step));
  return lines;
}

// A variant's whole name goes before the start of an id: "b" may be both.
std::vector<const Claim*> matches(const Core& core, const SweepEntry& entry, const std::string& prefix) {
  const bool is_variant = std::ranges::find(entry.words, prefix) != entry.words.end();
  std::vector<const Claim*> found;
  for (const Claim& claim : entry.claims) {
    const bool match =
        is_variant ? entry.words[claim.variant] == prefix : core.at(claim.trial).id.value().starts_with(prefix);
    if (match) found.push_back(&claim);
  }
  return found;
}

// Other trials of older sweeps whose ids begin so, too; a variant's name is asked of the newest sweep alone.
size_t others_in_older_sweeps(const Core& core, const SweepEntry& newest, const std::string& prefix,
                              const std::vector<const Claim*>& found) {
  if (std::ranges::find(newest.words, prefix) != newest.words.end()) return 0;
  std::set<TrialKey> shown, others;
  for (const Claim* claim : found) shown.insert(claim->trial);
  for (const auto& [id, entry] : core.sweeps) {
    if (id >= newest.record.id.value()) break;
    for (const Claim& claim : entry.claims) {
      if (core.at(claim.trial).id.value().starts_with(prefix) && !shown.contains(claim.trial))
        others.insert(claim.trial);
    }
  }
  return others.size();
}

Status no_match(const Core& core, const std::string& prefix) {
  if (core.sweeps.empty()) return not_found("no trial matches '", prefix, "': nothing was submitted yet");
  std::vector<std::string> words;
  for (const auto& [id, entry] : core.sweeps) words.insert(words.end(), entry.words.begin(), entry.words.end());
  const std::string near = nearest(prefix, words);
  return not_found("no trial id starts with '", prefix, "' and no variant is called so",
                   near.empty() ? "; see: coordinator status" : cat("; did you mean '", near, "'?"));
}

}  // namespace

Explainer::Explainer(const Core& core) : core_(core), slots_(connected_slots(core)) {}

const std::vector<QueueKey>& Explainer::line_of(int64_t sweep) {
  const auto [it, is_new] = lines_.try_emplace(sweep);
  if (is_new) {
    for (const auto& [shape, lane] : core_.sweeps.at(sweep).lanes)
      it->second.insert(it->second.end(), lane.trials.begin(), lane.trials.end());
    std::ranges::sort(it->second);
  }
  return it->second;
}

// Those of its own sweep, those of higher priority elsewhere, and the turns that fall to other sweeps meanwhile.
int64_t Explainer::ahead_of(TrialKey key, const SweepEntry& own) {
  const int64_t priority = -(own.record.priority + core_.at(key).settings.priority);
  const auto before = [this](int64_t sweep, QueueKey limit) {
    const std::vector<QueueKey>& line = line_of(sweep);
    return std::ranges::lower_bound(line, limit) - line.begin();
  };
  const int64_t mine = before(own.record.id.value(), {priority, key});
  const int64_t level = mine - before(own.record.id.value(), {priority, 0});
  int64_t ahead = mine;
  for (const auto& [id, other] : core_.sweeps) {
    if (id == own.record.id.value() || other.lanes.empty() || !may_start(other)) continue;
    const int64_t higher = before(id, {priority, 0});
    const int64_t equal = before(id, {priority + 1, 0}) - higher;
    const int64_t turns = level + own.slots_in_use - other.slots_in_use + (id < own.record.id.value() ? 1 : 0);
    ahead += higher + std::clamp<int64_t>(turns, 0, equal);
  }
  return ahead;
}

// None of its sweeps may start it now. The one that could soonest speaks: a limit passes by itself, a halt or a pause
// does not.
std::string Explainer::held_reason(const Trial& trial) const {
  const auto in_state = [&](auto&& accepts) -> const SweepEntry* {
    for (const int64_t id : trial.sweeps) {
      if (accepts(core_.sweeps.at(id).record.state)) return &core_.sweeps.at(id);
    }
    return nullptr;
  };
  if (const auto* sweep =
          in_state([](SweepState s) { return s == SweepState::kRunning || s == SweepState::kSubmitting; })) {
    return limit_text(*sweep);
  }
  if (const auto* sweep = in_state([](SweepState s) { return s == SweepState::kHalted; })) {
    return cat("sweep ", sweep->record.id, " halted: ", failures(*sweep),
               " failed, its file says fail_fast = ", sweep->record.fail_fast, "; go on with: coordinator retry ",
               sweep->record.id, ", or without them: coordinator resume ", sweep->record.id);
  }
  if (const auto* sweep = in_state([](SweepState s) { return s == SweepState::kPaused; }))
    return cat("sweep ", sweep->record.id, " paused by user; go on with: coordinator resume ", sweep->record.id);
  if (const auto* sweep = in_state([](SweepState s) { return s == SweepState::kCancelled; })) {
    return cat("sweep ", sweep->record.id,
               " is being cancelled, a slice of its trials at a time; see: coordinator status ", sweep->record.id);
  }
  return "no sweep wants it any more";
}

// Of the sweep on whose turn it would start first; nullopt when none of them may start anything.
std::optional<int64_t> Explainer::fewest_ahead(TrialKey key) {
  std::optional<int64_t> fewest;
  for (const int64_t id : core_.at(key).sweeps) {
    const SweepEntry& entry = core_.sweeps.at(id);
    if (!may_start(entry)) continue;
    const int64_t ahead = ahead_of(key, entry);
    fewest = std::min(ahead, fewest.value_or(ahead));
  }
  return fewest;
}

// There may be room for it, and yet the places that its sweep has left go to trials before it, which wait for more
// room.
std::string Explainer::turn_reason(TrialKey key, int64_t ahead) {
  const scheduler::Want want = want_of(core_, key);
  if (ahead > 0 && scheduler::has_room(want, slots_)) {
    const SweepEntry* limited = nullptr;
    for (const int64_t id : core_.at(key).sweeps) {
      const SweepEntry& entry = core_.sweeps.at(id);
      if (!may_start(entry)) continue;
      if (entry.record.max_parallel == 0)
        return scheduler::why_waiting(want, slots_, ahead, core_.options.worker_command);
      limited = &entry;
    }
    return cat(limit_text(*limited), "; ", ahead, ahead == 1 ? " trial is" : " trials are",
               " ahead of it in the queue");
  }
  return scheduler::why_waiting(want, slots_, ahead, core_.options.worker_command);
}

std::string Explainer::queued_reason(TrialKey key) {
  const Trial& trial = core_.at(key);
  const std::optional<int64_t> ahead = fewest_ahead(key);
  std::string text = ahead ? turn_reason(key, *ahead) : held_reason(trial);
  if (!trial.reason.empty()) text += cat(" (attempt ", trial.attempt, " ended: ", trial.reason, ")");
  return text;
}

std::string Explainer::outlook(TrialKey key, Now now) {
  const bool queued = core_.at(key).state == TrialState::kQueued;
  return engine::outlook(core_, key, queued ? fewest_ahead(key).value_or(0) : 0, now);
}

std::string Explainer::waiting_reason(const Trial& trial) const {
  for (const StageInput& input : trial.inputs) {
    const Trial& stage = core_.at(input.trial);
    if (stage.state != TrialState::kSucceeded) {
      return cat("waits for stage ", input.stage, percent_of(stage), " (trial ", short_form(stage.id), ", ",
                 name(stage.state), progress_of(stage), ")");
    }
    if (!core_.artifacts.contains(stage.model)) {
      return cat("waits for the model of stage ", input.stage, " (trial ", short_form(stage.id), ") to arrive");
    }
  }
  return "is about to be queued";
}

std::string Explainer::reason(TrialKey key) {
  const Trial& trial = core_.at(key);
  switch (trial.state) {
    case TrialState::kWaiting:
      return wanted(core_, trial) ? waiting_reason(trial) : held_reason(trial);
    case TrialState::kQueued:
      return queued_reason(key);
    case TrialState::kAssigned:
      return starting_reason(core_, trial);
    case TrialState::kRunning:
      return trial.live->kill_at ? cat("writes a checkpoint and stops: ", trial.live->stop_text) : "";
    case TrialState::kSucceeded:
      return "";
    case TrialState::kFailed:
      return cat(trial.end ? name(*trial.end) : "failed", ": ", trial.reason);
    case TrialState::kDiverged:
    case TrialState::kStopped:
    case TrialState::kCancelled:
      return trial.reason;
  }
  return "";
}

Result<Explanation> Engine::explain(const std::string& prefix, Now now) const {
  if (prefix.empty()) return invalid("which trial? give the start of its id, or the name of a variant");
  Explainer explainer(*core_);
  // The newest sweep that knows the name: that is the one people ask about.
  for (auto it = core_->sweeps.rbegin(); it != core_->sweeps.rend(); ++it) {
    const std::vector<const Claim*> found = matches(*core_, it->second, prefix);
    if (found.empty()) continue;
    Explanation answer;
    std::vector<std::string>& lines = answer.lines;
    const size_t shown = std::min(found.size(), kExplainedTrials);
    for (size_t i = 0; i < shown; ++i) {
      answer.trials.push_back(explained(*core_, explainer, it->second, *found[i], now));
      std::ranges::move(lines_of(*core_, it->second, *found[i], answer.trials.back(), now), std::back_inserter(lines));
    }
    if (found.size() > shown)
      lines.push_back(cat("… and ", found.size() - shown, " more; give the start of a trial's id"));
    if (const size_t older = others_in_older_sweeps(*core_, it->second, prefix, found); older > 0)
      lines.push_back(cat("… and ", older, " more in older sweeps; give more of the id"));
    const Trial& trial = core_->at(found.front()->trial);
    const bool one = std::ranges::all_of(found, [&](const Claim* c) { return c->trial == found.front()->trial; });
    if (one && trial.end && (trial.state == TrialState::kFailed || is_open(trial.state))) answer.failed = trial.id;
    return answer;
  }
  return no_match(*core_, prefix);
}

}  // namespace autonorm::engine
