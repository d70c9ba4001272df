#include "coordinator/cli/progress.h"

#include <algorithm>
#include <cmath>

#include "coordinator/cli/text_table.h"
#include "coordinator/cli/view_text.h"
#include "coordinator/cli/wording.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

std::string head_line(const WatchView& view) {
  const auto& sweep = view.sweep;
  std::string text = cat(sweep.name, " (sweep ", sweep.id, ") ", sweep.state, ": ", number_text(ended(sweep)), "/",
                         number_text(sweep.trials), " done");
  const auto add = [&](int64_t number, const char* word) {
    if (number > 0) text += cat(", ", number_text(number), " ", word);
  };
  add(count(sweep, TrialState::kRunning), "running");
  add(count(sweep, TrialState::kAssigned), "starting");
  add(count(sweep, TrialState::kQueued) + count(sweep, TrialState::kWaiting), "waiting");
  add(count(sweep, TrialState::kDiverged), "diverged");
  add(failed_trials(sweep), "FAILED");
  add(count(sweep, TrialState::kCancelled), "cancelled");
  return text + cat(", ", count_text(view.workers, "worker"));
}

// The state before it says the rest.
std::string time_left(const engine::SweepView& sweep) {
  if (sweep.state != "running") return "";
  if (sweep.eta_s) return cat(", ", duration_text(*sweep.eta_s), " left");
  return active_trials(sweep) == 0 ? ", nothing is running" : "";
}

std::string bar(const engine::SweepView& sweep, size_t width) {
  const size_t inner = std::clamp<size_t>(width, 12, 62) - 2;
  const int64_t all = std::max<int64_t>(1, sweep.trials);
  const auto full = static_cast<size_t>(static_cast<int64_t>(inner) * std::min(ended(sweep), all) / all);
  return "[" + std::string(full, '#') + std::string(inner - full, '.') + "]";
}

// Cuts at `width` characters, not bytes.
std::string fit(const std::string& text, size_t width) {
  if (display_width(text) <= width) return text;
  std::string kept;
  size_t columns = 0;
  for (const char c : text) {
    const bool starts = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (starts && ++columns >= width) break;
    kept += c;
  }
  return kept + "…";
}

}  // namespace

void Progress::measure(const WatchView& view, SteadyTime now) {
  std::erase_if(seen_, [&](const auto& entry) {
    return std::ranges::none_of(view.active, [&](const auto& trial) { return trial.id == entry.first; });
  });
  for (const auto& trial : view.active) {
    auto [entry, fresh] = seen_.try_emplace(trial.id);
    if (fresh || entry->second.attempt != trial.attempt) {
      entry->second = {.attempt = trial.attempt, .first_step = trial.step, .first_time = now, .quarter = -1};
    }
    // The clock starts with the first step, not with loading.
    if (trial.step == entry->second.first_step) entry->second.first_time = now;
  }
}

std::optional<double> Progress::time_left_s(const engine::TrialView& trial, SteadyTime now) const {
  const auto seen = seen_.find(trial.id);
  if (seen == seen_.end() || trial.step <= seen->second.first_step || trial.total_steps <= 0) return std::nullopt;
  const double elapsed = std::chrono::duration<double>(now - seen->second.first_time).count();
  const auto steps = static_cast<double>(trial.step - seen->second.first_step);
  return elapsed * static_cast<double>(trial.total_steps - trial.step) / steps;
}

std::string Progress::trial_line(const engine::TrialView& trial, SteadyTime now) const {
  std::string text = cat(short_form(trial.id), "  ", trial.variant, ", ", labels_text(trial));
  if (trial.state == TrialState::kAssigned) return text + "  starting";
  if (trial.phase.empty()) text += "  begins";
  if (!trial.phase.empty() && trial.phase != "training") text += "  " + trial.phase;
  if (trial.total_steps > 0) text += cat("  step ", trial.step, "/", trial.total_steps);
  if (trial.loss && std::isfinite(*trial.loss)) text += "  loss " + loss_text(*trial.loss);
  if (trial.samples_per_s > 0) text += cat("  ", number_text(std::llround(trial.samples_per_s)), " samples/s");
  if (const auto left = time_left_s(trial, now)) text += cat("  ", duration_text(*left), " left");
  if (trial.attempt.value() > 1) text += cat("  (attempt ", trial.attempt, ")");
  return text;
}

std::vector<std::string> Progress::screen(const WatchView& view, SteadyTime now, size_t width, size_t max_trials) {
  measure(view, now);
  std::vector<std::string> lines{head_line(view) + time_left(view.sweep), bar(view.sweep, width)};
  if (!view.trouble.empty()) lines.push_back("TROUBLE: " + view.trouble);
  for (const auto& group : view.sweep.failures) lines.push_back("  " + failure_text(group));
  for (size_t i = 0; i < std::min(max_trials, view.active.size()); ++i)
    lines.push_back("  " + trial_line(view.active[i], now));
  if (view.active.size() > max_trials) lines.push_back(cat("  … and ", view.active.size() - max_trials, " more"));
  for (auto& line : lines) line = fit(line, width);
  return lines;
}

std::vector<std::string> Progress::news(const WatchView& view, SteadyTime now) {
  measure(view, now);
  std::vector<std::string> lines;
  if (std::string counts = head_line(view); counts != last_counts_) {
    lines.push_back(counts + time_left(view.sweep));
    last_counts_ = std::move(counts);
  }
  for (const auto& group : view.sweep.failures) {
    int64_t& told = told_failures_[group.example];
    if (told == 0) lines.push_back("  " + failure_text(group));  // each kind of failure once
    told = group.count;
  }
  if (view.trouble != last_trouble_) {
    lines.push_back(view.trouble.empty() ? "the trouble is over" : "TROUBLE: " + view.trouble);
    last_trouble_ = view.trouble;
  }
  for (const auto& trial : view.active) {
    auto& seen = seen_.at(trial.id);
    const int quarter = trial.total_steps > 0 ? static_cast<int>(4 * trial.step / trial.total_steps) : 0;
    if (trial.state != TrialState::kRunning || quarter <= seen.quarter) continue;
    seen.quarter = quarter;
    lines.push_back("  " + trial_line(trial, now));
  }
  return lines;
}

}  // namespace autonorm::cli
