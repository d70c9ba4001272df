#include "coordinator/engine/submission.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "coordinator/engine/idempotency.h"
#include "coordinator/engine/submitted_trials.h"
#include "coordinator/engine/sweep_states.h"
#include "coordinator/engine/waiting_line.h"
#include "core/base/sha256.h"

namespace autonorm::engine {
namespace {

// Content alone is not enough: another release may expand the same file to other trials.
Sha256 sweep_key(const config::Sweep& sweep) {
  Sha256Stream hash;
  const auto add = [&hash](const std::string& text) { hash.update(text.data(), text.size()); };
  add(sweep.content.value());
  for (const config::PlannedTrial& trial : sweep.trials) add(trial.id.value());
  return hash.finish();
}

SweepRecord sweep_record(SweepId id, const SubmitSweep& event, const Sha256& key, Now now) {
  const config::Sweep& sweep = *event.sweep;
  return {.id = id,
          .key = key,
          .content = sweep.content,
          .name = sweep.name,
          .question = sweep.question,
          .baseline = sweep.baseline,
          .metric = sweep.metric,
          .profile = sweep.profile,
          .margin = sweep.margin,
          .alpha = sweep.alpha,
          .seeds = sweep.seeds,
          .max_seeds = sweep.max_seeds,
          .variants = sweep.variants,
          .matrix_keys = sweep.matrix_keys,
          .cells = static_cast<int64_t>(sweep.cells.size()),
          .trials = static_cast<int64_t>(sweep.trials.size()),
          .fresh = event.fresh,
          .priority = sweep.priority,
          .max_parallel = sweep.max_parallel,
          .fail_fast = sweep.fail_fast,
          .submitted = now.wall,
          .state = SweepState::kSubmitting,
          .tolerated = 0};
}

int64_t insert_sweep(Core& core, const SubmitSweep& event, const Sha256& key, Now now) {
  const int64_t id = core.sweeps.empty() ? 1 : core.sweeps.rbegin()->first + 1;
  SweepEntry& entry = core.sweeps[id];
  entry.record = sweep_record(SweepId(id), event, key, now);
  core.sweep_keys[key] = id;
  core.change(SweepInserted{entry.record, event.source});
  const nlohmann::json fields = {{"sweep", id}, {"name", entry.record.name}, {"trials", entry.record.trials}};
  journal(core, now, "sweep_submitted", fields.dump());
  return id;
}

Submission new_submission(Core& core, const SubmitSweep& event, int64_t id) {
  Submission job;
  job.sweep = SweepId(id);
  job.content = event.sweep;
  job.freeze = event.freeze;
  job.fresh = event.fresh;
  job.resumes = event.resumes;
  job.cells.resize(event.sweep->cells.size());
  std::iota(job.cells.begin(), job.cells.end(), 0U);
  std::ranges::stable_sort(job.cells, {}, [&](uint32_t cell) { return event.sweep->cells[cell].trial; });
  for (uint32_t i = 0; i < event.sweep->trials.size(); ++i) {
    for (const auto& [stage, parent] : event.sweep->trials[i].inputs) {
      job.stage_names.emplace(parent, stage);
      job.children[parent].push_back(i);
    }
  }
  SweepEntry& entry = core.sweeps.at(id);
  job.was_cut = std::exchange(entry.interrupted, false);
  entry.claims.reserve(event.sweep->trials.size());
  for (const Claim& claim : entry.claims) claim_position(entry, claim.position);
  return job;
}

Submission* running_submission(Core& core, int64_t sweep) {
  const auto it = std::ranges::find(core.submissions, SweepId(sweep), &Submission::sweep);
  return it == core.submissions.end() ? nullptr : &*it;
}

SubmitReply submit_reply(const KnownCall& known, RequestId request) {
  SubmitReply reply{.request = request, .status = known.status};
  if (!known.reply) return reply;
  reply.sweep = known.reply->sweep;
  reply.existed = known.reply->existed;
  reply.cells = known.reply->cells;
  reply.trials = known.reply->trials;
  reply.new_trials = known.reply->new_trials;
  reply.cached = known.reply->cached;
  reply.revived = known.reply->revived;
  return reply;
}

ReplyRecord record_of(const SubmitReply& reply, const Submission::Caller& caller) {
  return {.key = caller.idempotency_key,
          .call = caller.call,
          .sweep = reply.sweep,
          .existed = reply.existed,
          .cells = reply.cells,
          .trials = reply.trials,
          .new_trials = reply.new_trials,
          .cached = reply.cached,
          .revived = reply.revived,
          .affected = 0};
}

void finish_submission(Core& core, Submission& job, Now now) {
  SweepEntry& entry = core.sweeps.at(job.sweep.value());
  entry.positions = {};
  entry.claims.shrink_to_fit();
  count_failures_again(core, entry, now);
  if (entry.record.state == SweepState::kSubmitting) set_sweep_state(core, entry, SweepState::kRunning);
  job.reply.sweep = job.sweep;
  job.reply.cells = entry.record.cells;
  job.reply.trials = entry.record.trials;
  for (const Submission::Caller& caller : job.callers) {
    SubmitReply reply = job.reply;
    reply.request = caller.request;
    reply.existed = caller.existed;
    remember(core, record_of(reply, caller));
    core.batch.outbox.push_back(reply);
  }
  const nlohmann::json fields = {{"sweep", job.sweep.value()},
                                 {"new", job.reply.new_trials},
                                 {"cached", job.reply.cached},
                                 {"revived", job.reply.revived}};
  journal(core, now, "sweep_inserted", fields.dump());
}

}  // namespace

void on_submit(Core& core, const SubmitSweep& event, Now now) {
  AUTONORM_CHECK(event.sweep && event.freeze, "a submission needs its sweep and the configurations of its trials");
  const std::string call = call_text(event);
  if (const KnownCall known = look_up(core, event.idempotency_key, call); !known.is_new()) {
    core.batch.outbox.push_back(submit_reply(known, event.request));
    return;
  }
  const Sha256 key = sweep_key(*event.sweep);
  const auto same = core.sweep_keys.find(key);
  const bool existed = same != core.sweep_keys.end();
  // A fresh submission is a sweep of its own, unless it repeats one that is still on its way in.
  Submission* job = existed ? running_submission(core, same->second) : nullptr;
  if (job && job->fresh == event.fresh) {
    job->callers.push_back({event.request, true, event.idempotency_key, call});
    return;
  }
  // An interrupted submission of the same kind goes on under its number.
  const bool reuse =
      existed &&
      (!event.fresh || (core.sweeps.at(same->second).interrupted && core.sweeps.at(same->second).record.fresh));
  const int64_t id = reuse ? same->second : insert_sweep(core, event, key, now);
  SweepEntry& entry = core.sweeps.at(id);
  if (entry.record.state == SweepState::kCancelled) reopen(core, entry);
  if (!event.resumes) tolerate_failures(core, entry);  // they are about to be tried again
  core.submissions.push_back(new_submission(core, event, id));
  core.submissions.back().callers.push_back({event.request, reuse, event.idempotency_key, call});
  continue_submission(core, now);
}

bool continue_submission(Core& core, Now now) {
  if (core.submissions.empty()) return false;
  Submission& job = core.submissions.front();
  const auto total = static_cast<int64_t>(job.content->trials.size());
  const int64_t end = std::min(total, job.next + core.options.limits.slice);
  for (; job.next < end; ++job.next) submit_trial(core, job, static_cast<size_t>(job.next), now);
  if (job.next == total) {
    finish_submission(core, job, now);
    core.submissions.pop_front();
  }
  return !core.submissions.empty();
}

void abandon_submission(Core& core, SweepId sweep, const Status& why) {
  const auto it = std::ranges::find(core.submissions, sweep, &Submission::sweep);
  if (it == core.submissions.end()) return;
  for (const Submission::Caller& caller : it->callers) {
    SubmitReply reply{.request = caller.request, .status = why, .sweep = sweep};
    core.batch.outbox.push_back(std::move(reply));
  }
  core.sweeps.at(sweep.value()).positions = {};
  core.submissions.erase(it);
}

}  // namespace autonorm::engine
