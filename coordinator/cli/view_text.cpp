#include "coordinator/cli/view_text.h"

#include <algorithm>
#include <set>

#include "coordinator/cli/text_table.h"
#include "coordinator/cli/wording.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

constexpr int64_t kListedTrials = 40;

std::string progress_cell(const engine::TrialView& trial) {
  if (trial.total_steps > 0) return cat(trial.step, "/", trial.total_steps);
  return trial.step > 0 ? cat(trial.step) : "";
}

std::string what_happens(const engine::TrialView& trial) {
  if (!trial.reason.empty()) return trial.reason;
  if (trial.state == TrialState::kRunning && !trial.phase.empty()) return trial.phase;
  return trial.end ? std::string(name(*trial.end)) : "";
}

std::vector<std::string> row(const engine::TrialView& trial) {
  return {short_form(trial.id),
          trial.variant,
          labels_text(trial),
          std::string(name(trial.state)),
          trial.attempt.value() > 0 ? cat(trial.attempt) : "",
          progress_cell(trial),
          trial.loss ? loss_text(*trial.loss) : "",
          trial.host,
          what_happens(trial)};
}

std::string trial_table(const engine::TrialPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& trial : page.trials) rows.push_back(row(trial));
  if (rows.empty()) return "";
  std::string text = "\n" + text_table({{"trial"},
                                        {"variant"},
                                        {"cell"},
                                        {"state"},
                                        {"attempt", Align::kRight},
                                        {"step", Align::kRight},
                                        {"loss", Align::kRight},
                                        {"host"},
                                        {"reason"}},
                                       rows);
  if (const int64_t more = page.matching - std::ssize(page.trials); more > 0)
    text +=
        cat("… and ", number_text(more), " more; choose with --trials or --variant, or all of them: --output json\n");
  return text;
}

}  // namespace

std::string failure_text(const engine::FailureGroup& group) {
  return cat("×", number_text(group.count), ": ", name(group.end), group.text.empty() ? "" : ": ", group.text,
             ", e.g. trial ", short_form(group.example));
}

std::string other_failures_text(const engine::SweepView& sweep) {
  int64_t other = failed_trials(sweep);
  for (const engine::FailureGroup& group : sweep.failures) other -= group.count;
  return other > 0 && !sweep.failures.empty() ? cat("… and ", count_text(other, "failed trial"), " of other kinds")
                                              : "";
}

int64_t count(const engine::SweepView& sweep, TrialState state) {
  const auto found = sweep.counts.find(state);
  return found == sweep.counts.end() ? 0 : found->second;
}

int64_t ended(const engine::SweepView& sweep) {
  int64_t ended = 0;
  for (const auto& [state, number] : sweep.counts) ended += is_open(state) ? 0 : number;
  return ended;
}

int64_t active_trials(const engine::SweepView& sweep) {
  return count(sweep, TrialState::kRunning) + count(sweep, TrialState::kAssigned);
}

std::string time_left_text(const engine::SweepView& sweep) {
  if (sweep.state == "done" || sweep.state == "cancelled") return "";
  if (sweep.state == "paused" || sweep.state == "halted") return sweep.state;
  if (sweep.eta_s) return duration_text(*sweep.eta_s);
  return active_trials(sweep) == 0 ? "nothing is running" : "not known yet";
}

int64_t failed_trials(const engine::SweepView& sweep) { return count(sweep, TrialState::kFailed); }

std::string counts_text(const engine::SweepView& sweep) {
  std::vector<std::string> parts;
  for (const auto& [state, number] : sweep.counts) {
    if (number > 0) parts.push_back(cat(number_text(number), " ", name(state)));
  }
  return parts.empty() ? "no trials" : join(parts);
}

std::string labels_text(const engine::TrialView& trial) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : trial.labels) parts.push_back(value);
  parts.push_back(cat(trial.is_stage ? "stage, seed " : "seed ", trial.seed));
  return join(parts);
}

std::string sweeps_text(const std::vector<engine::SweepView>& sweeps) {
  if (sweeps.empty()) return "no sweep yet; submit one: coordinator submit FILE\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& sweep : sweeps) {
    rows.push_back({cat(sweep.id), sweep.name, sweep.state,
                    cat(number_text(ended(sweep)), "/", number_text(sweep.trials)),
                    number_text(count(sweep, TrialState::kRunning)), number_text(failed_trials(sweep)),
                    time_left_text(sweep), time_text(sweep.submitted)});
  }
  std::ranges::reverse(rows);
  return text_table({{"id", Align::kRight},
                     {"name"},
                     {"state"},
                     {"ended", Align::kRight},
                     {"running", Align::kRight},
                     {"failed", Align::kRight},
                     {"time left"},
                     {"submitted"}},
                    rows);
}

std::string workers_text(const std::vector<engine::WorkerView>& workers) {
  if (workers.empty()) return "no worker is connected; start some: mpirun -np N worker --coordinator ADDR\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& worker : workers) {
    const bool gpu = worker.device.kind == "cuda";
    rows.push_back({worker.host, cat(worker.mpi_rank, "/", worker.mpi_size),
                    gpu ? cat("GPU ", worker.device.index, " ", worker.device.name) : "CPU", worker.state,
                    worker.trial ? short_form(*worker.trial) : "", cat(static_cast<int64_t>(worker.lease_left_s), " s"),
                    worker.recovery ? "yes" : "no", worker.reason, worker.id.value()});
  }
  return text_table({{"host"},
                     {"rank"},
                     {"device"},
                     {"state"},
                     {"trial"},
                     {"lease", Align::kRight},
                     {"outlives others"},
                     {"reason"},
                     {"id"}},
                    rows);
}

engine::TrialFilter noteworthy_trials() {
  engine::TrialFilter filter{.most = kListedTrials};
  for (int i = 0; i <= static_cast<int>(TrialState::kCancelled); ++i) filter.states.insert(static_cast<TrialState>(i));
  filter.states.erase(TrialState::kSucceeded);
  return filter;
}

std::string sweep_text(const engine::SweepView& sweep, const engine::TrialPage& page) {
  std::string text = cat("sweep ", sweep.id, "  ", sweep.name, "  ", sweep.state, "\n");
  if (!sweep.question.empty()) text += sweep.question + "\n";
  text += cat(count_text(sweep.cells, "cell"), ", ", count_text(sweep.trials, "distinct trial"), ": ",
              counts_text(sweep), "\n");
  if (const std::string left = time_left_text(sweep); !left.empty()) text += "time left: " + left + "\n";
  for (const engine::FailureGroup& group : sweep.failures) text += "  " + failure_text(group) + "\n";
  if (const std::string more = other_failures_text(sweep); !more.empty()) text += "  " + more + "\n";
  if (sweep.state == "halted")
    text += cat("halted by its on_failure rule; go on with: coordinator retry ", sweep.id,
                ", or as it is: coordinator resume ", sweep.id, "\n");
  return text + trial_table(page);
}

std::string server_text(const ServerInfo& info, const std::string& address, size_t workers) {
  std::string text = cat("coordinator ", info.build, " at ", address, ", state in ", info.state_directory, ", start ",
                         info.epoch, ", ", count_text(static_cast<int64_t>(workers), "worker"), "\n");
  if (!info.trouble.empty()) text += "TROUBLE: " + info.trouble + "\n";
  return text;
}

}  // namespace autonorm::cli
