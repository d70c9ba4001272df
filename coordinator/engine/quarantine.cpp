#include "coordinator/engine/quarantine.h"

#include <nlohmann/json.hpp>

namespace autonorm::engine {

void note_crash(Core& core, const WorkerId& id, TrialKey trial, Now now) {
  Worker* worker = find_worker(core, id);
  if (!worker || !worker->record.quarantine.empty()) return;
  const Limits& limits = core.options.limits;
  while (!worker->crashes.empty() && worker->crashes.front().time + limits.quarantine_window < now.steady) {
    worker->crashes.pop_front();
  }
  worker->crashes.push_back({trial, now.steady});
  std::set<TrialKey> distinct;
  for (const Crash& crash : worker->crashes) distinct.insert(crash.trial);
  if (static_cast<int>(distinct.size()) < limits.quarantine_crashes) return;

  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(limits.quarantine_window).count();
  worker->record.quarantine = cat("trainers of ", distinct.size(), " different trials crashed here within ", minutes,
                                  " min, the last one of trial ", short_form(core.at(trial).id),
                                  "; check the machine, then restart the worker");
  core.change(WorkerSeen{worker->record});
  const nlohmann::json fields = {
      {"worker", id.value()}, {"host", worker->record.host}, {"reason", worker->record.quarantine}};
  journal(core, now, "worker_quarantined", fields.dump());
}

}  // namespace autonorm::engine
