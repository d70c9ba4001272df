// The decisions of the coordinator: a deterministic state machine without threads, clock, SQL or network.
//
//   apply(event, now) → changes (rows to commit) + outbox (what to send once they are committed)
//
// The loop (coordinator/server/engine_loop.h) drains its queue, applies many events, commits `changes` in one transaction,
// then sends the outbox. Restart: the store's rows go through restore() into the same code.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/config/sweep.h"
#include "core/messages/fleet.h"
#include "core/messages/trial_state.h"

namespace autonorm::engine {

using RequestId = int64_t;  // of a call that waits for an answer; chosen by the server layer

// ---- events ----
struct SubmitSweep {
  RequestId request = 0;
  std::shared_ptr<const config::Sweep> sweep;  // expanded on the RPC's thread
  config::SweepSource source;                  // stored, for provenance
  bool fresh = false;                          // ignore results of earlier sweeps
  std::string idempotency_key;
};
enum class SweepAction { kCancel, kPause, kResume };
struct ActOnSweep { RequestId request = 0; SweepId sweep; SweepAction action{}; std::string idempotency_key; };
struct WorkerHello { SessionId session; fleet::Hello hello; };
struct WorkerMessage { SessionId session; fleet::ToCoordinator message; };   // not Hello
struct SessionClosed { SessionId session; };
struct Tick {};                                                            // at least every 500 ms: leases, timeouts, scheduling
struct ArtifactStored { Sha256 hash; int64_t bytes = 0; };                  // durable in the artifact folder
struct Stopping {};                                                        // clean shutdown: tell every worker
using EngineEvent = std::variant<SubmitSweep, ActOnSweep, WorkerHello, WorkerMessage, SessionClosed, Tick, ArtifactStored, Stopping>;

// ---- outbox ----
struct ToSession { SessionId session; fleet::ToWorker message; };
struct CloseSession { SessionId session; };
struct SubmitReply { RequestId request = 0; Status status; SweepId sweep; bool existed = false; int64_t cells = 0; int64_t trials = 0; int64_t new_trials = 0; int64_t cached = 0; int64_t revived = 0; };
struct ActReply { RequestId request = 0; Status status; int64_t trials_affected = 0; };
using Outgoing = std::variant<ToSession, CloseSession, SubmitReply, ActReply>;

// ---- views for people (list, status, watch, workers, explain); plain values, no pointers into the engine ----
struct SweepView {
  SweepId id; std::string name; std::string question;
  std::string state;                         // "submitting" | "running" | "paused" | "cancelled" | "done"
  std::map<TrialState, int64_t> counts;      // distinct trials by state
  int64_t trials = 0, cells = 0;
  WallTime submitted{};
  std::optional<double> eta_s;               // from mean duration of finished attempts and slots; absent before the first
};
struct TrialView {
  TrialId id; std::string variant; std::map<std::string, std::string> labels; uint64_t seed = 0;
  TrialState state{}; Attempt attempt; int64_t ranks = 1; bool is_stage = false;
  std::string reason;                        // why it waits or how it ended; "" while running
  std::optional<EndReason> end; std::vector<WorkerId> workers; std::string host;
  int64_t step = 0, total_steps = 0; std::string phase; std::optional<double> loss; double samples_per_s = 0;
};
struct WorkerView {
  WorkerId id; std::string host; fleet::Device device; std::string mpi_world; int mpi_rank = 0, mpi_size = 1;
  std::string state;                         // "idle" | "busy" | "reserved" | "draining" | "quarantined" | "lost"
  std::string reason; std::optional<TrialId> trial; double lease_left_s = 0; std::string build, torch; bool recovery = false;
};

}  // namespace autonorm::engine
