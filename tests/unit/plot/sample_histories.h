// What happened while the trials of report::sample_sweep() trained: curves, norm values, attempts, one of them lost.
#pragma once
#include <cmath>
#include <map>

#include "coordinator/plot/figure.h"
#include "tests/unit/report/sample_sweep.h"

namespace autonorm::plot {

inline report::TrialHistory sample_history(const report::TrialRow& row, int64_t begin_s) {
  const double offset = 0.01 * static_cast<double>(row.seed) + 0.001 * static_cast<double>(row.variant.size());
  report::TrialHistory history;
  history.trial = row.trial;
  report::Curve accuracy{"val/accuracy", {}}, loss{"train/loss", {}};
  for (int64_t step = 100; step <= 400; step += 100) {
    const double progress = static_cast<double>(step) / 400;
    // Diverged in the middle.
    const bool lost = row.state == TrialState::kDiverged && step > 200;
    if (!lost) accuracy.points.push_back({step, 0.6 + 0.3 * std::sqrt(progress) + offset, 1});
    loss.points.push_back({step, lost ? std::nan("") : 2 - progress - offset, 1});
  }
  history.curves = {loss, accuracy};
  if (row.variant == "AutoNorm") {
    for (const char* site : {"embed", "blocks.0.pre_attn", "blocks.10.pre_attn", "blocks.2.pre_attn", "final"}) {
      report::NormCurve gate{site, "gate_mean_layer", {}}, alpha{site, "scale.alpha_mean", {}},
          ignored{site, "scale.alpha_std", {}};
      for (int64_t step = 100; step <= 400; step += 100) {
        gate.points.push_back({step, 0.5 + 0.0005 * static_cast<double>(step) + offset, 1});
        alpha.points.push_back({step, 1 - 0.0002 * static_cast<double>(step), 1});
        ignored.points.push_back({step, 0.1, 1});
      }
      history.norms.insert(history.norms.end(), {gate, alpha, ignored});
    }
  }
  const auto at = [&](int64_t second) { return wall_from_us((1'777'630'200 + begin_s + second) * 1'000'000); };
  report::AttemptRow attempt;
  attempt.number = 1;
  attempt.assigned = at(0);
  attempt.running = at(1);
  attempt.ended = at(8);
  attempt.end = row.end;
  attempt.workers = {row.seed == 1 ? "node-a/1" : "node-a/0"};
  history.attempts = {attempt};
  return history;
}

inline std::map<TrialId, report::TrialHistory> sample_histories(const report::ReportData& data) {
  std::map<TrialId, report::TrialHistory> histories;
  int64_t begin = 0;
  for (const report::TrialRow& row : data.trials) {
    if (histories.contains(row.trial)) continue;
    histories.emplace(row.trial, sample_history(row, begin));
    begin += row.seed == 2 ? 10 : 0;
  }
  return histories;
}

}  // namespace autonorm::plot
