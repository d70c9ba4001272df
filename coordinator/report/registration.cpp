#include "coordinator/report/registration.h"

#include <chrono>
#include <ctime>
#include <set>

#include "coordinator/report/distinct_trials.h"
#include "core/base/text.h"
#include "core/config/rerun.h"

namespace autonorm::report {
namespace {

// "2026-05-01 12:30 UTC"
std::string minute_text(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

// The baseline's results alone tell nothing about a difference.
struct Known {
  size_t before = 0, all = 0;
};
Known known_at_submit(const ReportData& data) {
  DistinctTrials counted(data.trials.size());  // the baseline's, then each other trial once
  for (const TrialRow& row : data.trials) {
    if (row.variant == data.sweep.baseline) counted.insert(row.trial);
  }
  Known known;
  for (const TrialRow& row : data.trials) {
    if (!counted.insert(row.trial)) continue;
    ++known.all;
    known.before += row.ended_before;
  }
  return known;
}

// Whoever stops a sweep may have seen what it had found: stopping at will finds differences where there are none.
std::string cancelled_reason(const ReportData& data) {
  DistinctTrials trials(data.trials.size());
  size_t cancelled = 0;
  for (const TrialRow& row : data.trials) cancelled += trials.insert(row.trial) && row.state == TrialState::kCancelled;
  if (cancelled == 0) return "";
  return cat(cancelled, " of ", trials.size(), " planned trials ", cancelled == 1 ? "was" : "were",
             " cancelled, perhaps because of what the others had shown");
}

// Who trains known results again may do so until they please.
std::string replaced_reason(const ReportData& data) {
  DistinctTrials trials(data.trials.size());
  size_t replaced = 0;
  std::set<int64_t> by;
  for (const TrialRow& row : data.trials) {
    if (!trials.insert(row.trial) || !row.trained_again_by) continue;
    ++replaced;
    by.insert(row.trained_again_by->value());
  }
  if (replaced == 0) return "";
  std::vector<std::string> sweeps;
  for (const int64_t sweep : by) sweeps.push_back(cat(sweep));
  return cat(replaced, " of ", trials.size(), trials.size() == 1 ? " trial" : " trials",
             replaced == 1 ? " was" : " were", " trained again by sweep ", join(sweeps), " (submit --fresh) after ",
             replaced == 1 ? "its" : "their", " results were known, and the new results stand here");
}

}  // namespace

Registration registration_of(const ReportData& data) {
  std::vector<std::string> reasons = data.departures;
  if (config::is_rerun_name(data.sweep.name)) {
    reasons.emplace_back("a re-run for verification, of trials that were chosen after they had finished");
  }
  if (std::string reason = cancelled_reason(data); !reason.empty()) reasons.push_back(std::move(reason));
  if (std::string reason = replaced_reason(data); !reason.empty()) reasons.push_back(std::move(reason));
  const Known known = known_at_submit(data);
  if (known.before > 0 && !data.sweep.extends_earlier) {
    reasons.push_back(cat(known.before, " of ", known.all, known.all == 1 ? " trial" : " trials",
                          " of the variants had ended before the sweep was submitted"));
  }
  if (data.sweep.content.empty()) reasons.push_back("no registration is recorded");
  if (!reasons.empty()) return {false, "POST HOC: " + join(reasons, "; ")};
  return {true, cat("PRE-REGISTERED: metric, baseline, margin, alpha, seeds and cells as submitted ",
                    minute_text(data.sweep.submitted), " (sha256 ", data.sweep.content.substr(0, 12), ")")};
}

}  // namespace autonorm::report
