#include "coordinator/engine/draining.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "coordinator/engine/attempts.h"
#include "coordinator/engine/idempotency.h"
#include "core/base/text.h"

namespace autonorm::engine {
namespace {

std::vector<Worker*> all_where(Core& core, auto&& accepts) {
  std::vector<Worker*> found;
  for (auto& [id, worker] : core.workers) {
    if (accepts(worker.record)) found.push_back(&worker);
  }
  return found;
}

Status no_such_worker(const Core& core, const std::string& word) {
  if (core.workers.empty()) return not_found("there is no worker '", word, "': none is connected");
  std::vector<std::string> words;
  for (const auto& [id, worker] : core.workers) {
    words.push_back(id.value());
    words.push_back(worker.record.host);
  }
  const std::string near = nearest(word, words);
  return not_found("no worker and no host is called '", word, "'",
                   near.empty() ? "; see: coordinator workers" : cat("; did you mean '", near, "'?"));
}

// Workers that have left do not make a host larger; where all have, they are meant.
std::vector<Worker*> on_host(Core& core, const std::string& host, bool with_lost) {
  std::vector<Worker*> all = all_where(core, [&](const WorkerRecord& w) { return w.host == host; });
  const auto left = [](const Worker* worker) { return worker->lost; };
  if (!with_lost && !std::ranges::all_of(all, left)) std::erase_if(all, left);
  return all;
}

// A whole id goes before a host, a host before the start of an id.
Result<std::vector<Worker*>> select_workers(Core& core, const std::string& word, bool with_lost) {
  if (word.empty()) return invalid("which worker? give its id, the start of it, or a host (see: coordinator workers)");
  if (Worker* worker = find_worker(core, WorkerId(word))) return std::vector<Worker*>{worker};
  std::vector<Worker*> found = on_host(core, word, with_lost);
  if (!found.empty()) return found;
  found = all_where(core, [&](const WorkerRecord& w) { return w.id.value().starts_with(word); });
  if (found.empty()) return no_such_worker(core, word);
  if (found.size() > 1) {
    return conflict("'", word, "' is the start of ", found.size(), " workers, among them ", found[0]->record.id,
                    " and ", found[1]->record.id, "; give more of the id, or a host");
  }
  return found;
}

bool set_drain(Core& core, Worker& worker, Drain drain, Now now) {
  if (worker.record.drain == drain) return false;
  worker.record.drain = drain;
  note_free(core, worker);
  count_capacity(core, worker);
  core.change(WorkerSeen{worker.record});
  const nlohmann::json fields = {
      {"worker", worker.record.id.value()}, {"host", worker.record.host}, {"drain", name(drain)}};
  journal(core, now, "worker_drain", fields.dump());
  return true;
}

std::string leave_text(const Worker& worker) { return cat(describe(worker), " is being drained"); }

}  // namespace

void preempt_if_drained(Core& core, TrialKey key, Now now) {
  const Trial& trial = core.at(key);
  if (!trial.live) return;
  const auto leaving = std::ranges::find_if(trial.live->members, [&](const Member& member) {
    const Worker* worker = find_worker(core, member.worker);
    return !member.released && worker && worker->record.drain == Drain::kNow;
  });
  if (leaving != trial.live->members.end()) preempt(core, key, leave_text(core.workers.at(leaving->worker)), now);
}

void on_drain(Core& core, const DrainWorkers& event, Now now) {
  ActReply reply{.request = event.request, .status = {}};
  if (const KnownCall known = look_up(core, event.idempotency_key, call_text(event)); !known.is_new()) {
    reply = reply_of(known, event.request);
  } else if (const auto chosen = select_workers(core, event.worker, event.drain == Drain::kNo); !chosen.ok()) {
    reply.status = chosen.status();
  } else {
    for (Worker* worker : *chosen) {
      if (!set_drain(core, *worker, event.drain, now)) continue;
      ++reply.workers_affected;
      if (!worker->occupant || worker->occupant->ended) continue;
      ++reply.trials_affected;
      preempt_if_drained(core, worker->occupant->trial, now);
    }
    ReplyRecord record{.key = event.idempotency_key, .call = call_text(event)};
    record.affected = reply.trials_affected;
    record.workers = reply.workers_affected;
    remember(core, std::move(record));
  }
  core.batch.outbox.push_back(std::move(reply));
}

}  // namespace autonorm::engine
