#include "coordinator/engine/quarantine.h"

#include <nlohmann/json.hpp>

#include "core/base/signal_name.h"
#include "core/base/text.h"

namespace autonorm::engine {

void note_crash(Core& core, const WorkerId& id, TrialKey trial, int signal, Now now) {
  Worker* worker = find_worker(core, id);
  if (!worker || !worker->record.quarantine.empty()) return;
  const Limits& limits = core.options.limits;
  while (!worker->crashes.empty() && worker->crashes.front().time + limits.quarantine_window < now.steady) {
    worker->crashes.pop_front();
  }
  worker->crashes.push_back({trial, signal, now.steady});
  std::set<TrialKey> distinct;
  for (const Crash& crash : worker->crashes) distinct.insert(crash.trial);
  if (static_cast<int>(distinct.size()) < limits.quarantine_crashes) return;

  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(limits.quarantine_window).count();
  std::set<std::string> signals;
  for (const Crash& crash : worker->crashes) {
    if (crash.signal != 0) signals.insert(signal_name(crash.signal));
  }
  const std::string how =
      signals.empty() ? "" : cat(" (", join(std::vector<std::string>(signals.begin(), signals.end())), ")");
  worker->record.quarantine = cat(worker->crashes.size(), " trainer crashes", how, " of ", distinct.size(),
                                  " trials in ", minutes, " min, the last one of trial ", short_form(core.at(trial).id),
                                  "; check the machine, then restart the worker");
  count_capacity(core, *worker);
  core.change(WorkerSeen{worker->record});
  const nlohmann::json fields = {
      {"worker", id.value()}, {"host", worker->record.host}, {"reason", worker->record.quarantine}};
  journal(core, now, "worker_quarantined", fields.dump());
}

}  // namespace autonorm::engine
