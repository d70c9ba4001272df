#include "coordinator/server/watch_stream.h"

#include <algorithm>
#include <set>

#include "coordinator/server/control_service.h"
#include "coordinator/server/grpc_status.h"
#include "coordinator/server/view_codec.h"

namespace autonorm::server {
namespace {

constexpr int64_t kPauseMs = 500;
constexpr int kLooksUntilSentAnyway = 4;  // the client sees every two seconds that the server is there

}  // namespace

WatchStream::WatchStream(EngineLoop& loop, RequestPool& pool, const v1::WatchRequest& request)
    : loop_(loop), pool_(pool), client_(request.client()), selector_(request.sweep()) {
  if (!pool_.post([this] { begin(); })) Finish(to_grpc(too_many_requests()));
}

void WatchStream::begin() {
  if (const Status status = check_client(client_); !status.ok()) return Finish(to_grpc(status));
  const auto sweep = select_sweep_of(loop_, selector_);
  if (!sweep.ok()) return Finish(to_grpc(sweep.status()));
  sweep_ = *sweep;
  look();
}

Status WatchStream::take(v1::WatchUpdate& update) {
  const auto sweeps = loop_.sweeps();
  const auto found = std::ranges::find(sweeps, *sweep_, &engine::SweepView::id);
  if (found == sweeps.end()) return not_found("sweep ", *sweep_, " is gone");
  encode(*found, *update.mutable_sweep());
  std::set<TrialId> shown;  // a trial that carries several labels comes once
  for (const auto& trial : loop_.trials(sweep_)) {
    const bool active = trial.state == TrialState::kAssigned || trial.state == TrialState::kRunning;
    if (active && shown.insert(trial.id).second) encode(trial, *update.add_active());
  }
  const auto workers = loop_.workers();
  update.set_workers(std::ranges::count_if(workers, [](const auto& worker) { return worker.state != "lost"; }));
  update.set_trouble(loop_.trouble().value_or(""));
  return {};
}

void WatchStream::look() {
  update_.Clear();
  if (const Status status = take(update_); !status.ok()) return Finish(to_grpc(status));
  ended_ = update_.sweep().state() == "done" || update_.sweep().state() == "cancelled";
  std::string bytes = update_.SerializeAsString();
  if (bytes == last_bytes_ && !ended_ && ++unchanged_looks_ < kLooksUntilSentAnyway) return pause();
  unchanged_looks_ = 0;
  last_bytes_ = std::move(bytes);
  StartWrite(&update_);
}

void WatchStream::OnWriteDone(bool ok) {
  if (!ok || ended_) return Finish(grpc::Status::OK);
  pause();
}

void WatchStream::pause() {
  std::unique_lock lock(mutex_);
  if (cancelled_) {
    lock.unlock();
    return Finish(grpc::Status::CANCELLED);
  }
  alarm_ = std::make_unique<grpc::Alarm>();
  const auto deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(kPauseMs, GPR_TIMESPAN));
  alarm_->Set(deadline, [this](bool expired) {
    if (!expired) return Finish(grpc::Status::CANCELLED);
    if (!pool_.post([this] { look(); })) Finish(to_grpc(too_many_requests()));
  });
}

void WatchStream::OnCancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (alarm_) alarm_->Cancel();
}

}  // namespace autonorm::server
