#include "coordinator/server/watch_stream.h"

#include <algorithm>
#include <set>

#include "coordinator/server/control_service.h"
#include "coordinator/server/view_codec.h"

namespace autonorm::server {
namespace {

constexpr int kLooksUntilSentAnyway = 4;  // the client sees every two seconds that the server is there

}  // namespace

WatchStream::WatchStream(EngineLoop& loop, RequestPool& pool, const v1::WatchRequest& request)
    : PeriodicStream(pool), loop_(loop), client_(request.client()), selector_(request.sweep()) {
  start();
}

Status WatchStream::begin() {
  AUTONORM_RETURN_IF_ERROR(check_client(client_));
  const auto sweep = select_sweep_of(loop_, selector_);
  if (!sweep.ok()) return sweep.status();
  sweep_ = *sweep;
  return {};
}

Status WatchStream::take(v1::WatchUpdate& update) {
  const auto sweeps = loop_.sweeps();
  const auto found = std::ranges::find(sweeps, *sweep_, &engine::SweepView::id);
  if (found == sweeps.end()) return not_found("sweep ", *sweep_, " is gone");
  encode(*found, *update.mutable_sweep());
  std::set<TrialId> shown;  // a trial that carries several labels comes once
  for (const auto& trial : loop_.active_trials(*sweep_)) {
    if (shown.insert(trial.id).second) encode(trial, *update.add_active());
  }
  const auto workers = loop_.workers();
  update.set_workers(std::ranges::count_if(workers, [](const auto& worker) { return worker.state != "lost"; }));
  update.set_trouble(loop_.trouble().value_or(""));
  return {};
}

Result<Look> WatchStream::look(v1::WatchUpdate& update) {
  if (const Status status = take(update); !status.ok()) return status;
  // A halted sweep whose last trials have ended waits for people.
  const bool halted = update.sweep().state() == "halted" && update.active_size() == 0;
  const bool ended = halted || update.sweep().state() == "done" || update.sweep().state() == "cancelled";
  std::string bytes = update.SerializeAsString();
  if (bytes == last_bytes_ && !ended && ++unchanged_looks_ < kLooksUntilSentAnyway) return Look::kNothingNew;
  unchanged_looks_ = 0;
  last_bytes_ = std::move(bytes);
  return ended ? Look::kSendLast : Look::kSend;
}

}  // namespace autonorm::server
