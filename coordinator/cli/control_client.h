// The command line's side of the Control service, in plain values. Not thread-safe.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/engine/engine.h"
#include "coordinator/report/report_data.h"
#include "coordinator/server/artifact_collector.h"
#include "coordinator/server/report_desk.h"
#include "coordinator/store/log_reader.h"
#include "core/base/status.h"
#include "core/config/sweep.h"
#include "core/stats/power.h"

namespace autonorm::cli {

struct ServerPlan {
  std::set<TrialId> cached;
  std::optional<double> predicted_s;
  int64_t slots = 0;
  std::optional<stats::KnownSpread> past_spread = {};  // of the differences to the baseline
};
struct ServerInfo {
  std::string build, state_directory, trouble;
  int64_t epoch = 0;
};
struct ActOutcome {
  SweepId sweep;
  int64_t trials_affected = 0;
};
struct LogsAsked {
  std::string trial = {};
  int attempt = 0;  // 0 = the newest
  bool follow = false;
  int64_t tail = -1;                  // -1 = all that is there
  std::optional<int64_t> after = {};  // goes on after this LogsView::last instead
};
struct LogsView {
  std::optional<store::AttemptSummary> attempt;  // first and last update only
  std::vector<store::StoredLine> lines;
  int64_t last = 0;  // the place in the log up to which all lines have come
};
struct DrainOutcome {
  int64_t workers_affected = 0, trials_affected = 0;
};
struct WatchView {
  engine::SweepView sweep;
  std::vector<engine::TrialView> active;  // assigned or running
  std::string trouble;
  int64_t workers = 0;
};

// Failures carry the server's code and message. kUnavailable: nobody answers, or the connection broke.
class ControlClient {
 public:
  // Connects, waiting at most `limit`. The message of a failure names the address and how to start a server there.
  static Result<std::unique_ptr<ControlClient>> connect(const std::string& address,
                                                        std::chrono::milliseconds limit = std::chrono::seconds(5));
  ~ControlClient();

  // `key`: of this intent; the same key again changes nothing and gets the first answer.
  Result<engine::SubmitReply> submit(const config::SweepSource& source, bool fresh, const std::string& key);
  Result<ServerPlan> plan(const config::SweepSource& source);
  Result<std::vector<engine::SweepView>> sweeps();
  // In several calls when they are many.
  Result<std::vector<engine::TrialView>> trials(const std::string& sweep, engine::TrialFilter filter = {});
  Result<engine::TrialPage> trial_page(const std::string& sweep, const engine::TrialFilter& filter);
  Result<std::vector<engine::WorkerView>> workers();
  Result<engine::Explanation> explain(const std::string& trial);
  Result<ActOutcome> act(engine::SweepAction action, const std::string& sweep, const std::string& key);
  // Trials that start again. `what.sweep` is not used: `sweep` selects one, "" the newest (or none when a trial is
  // named).
  Result<int64_t> retry(const std::string& sweep, const engine::RetryTrials& what);
  Result<DrainOutcome> drain(const std::string& worker, engine::Drain drain, const std::string& key);
  // `compared`: two variants of the sweep, or two sweeps; empty for the whole sweep.
  Result<std::string> report(const std::string& sweep, const report::ReportOptions& options,
                             const std::vector<std::string>& compared = {});
  // The rows of a sweep and what it was submitted from, in several calls when it is large.
  Result<server::SweepRead> read_sweep(const std::string& sweep);
  // In the order asked for.
  Result<std::vector<report::TrialHistory>> histories(const std::vector<TrialId>& trials);
  // `remove`: else it only says what could go. `keep_checkpoints`: 0 = as the server was started.
  Result<server::Collected> collect_garbage(bool remove, int keep_checkpoints, bool drop_models,
                                            const std::string& key);
  // `path`: absolute, on the server's machine. The bytes written.
  Result<int64_t> back_up(const std::string& path, const std::string& key);
  Result<ServerInfo> info();

  // Calls `update` about twice a second, at least every two seconds, until the sweep has ended; the last call shows
  // that. Ends early and ok when `update` returns false, or when `stop_fd` (-1 = none) becomes readable.
  Status watch(const std::string& sweep, int stop_fd, const std::function<bool(const WatchView&)>& update);
  // Calls `update` with what an attempt logged, in pieces; when following, until the attempt has ended.
  Status logs(const LogsAsked& asked, const std::function<void(const LogsView&)>& update);

 private:
  struct Connection;
  explicit ControlClient(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace autonorm::cli
