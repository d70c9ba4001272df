// A small finished sweep for report tests: two data sets, five variants, three seeds; one trial diverged, one failed,
// one variant shares its trials with the baseline, one pair is unclean.
#pragma once
#include <string>
#include <vector>

#include "coordinator/report/render.h"
#include "core/base/sha256.h"

namespace autonorm::report {

inline TrialRow make_trial(const std::string& variant, const std::string& data_set, uint64_t seed, double accuracy) {
  TrialRow row;
  row.variant = variant;
  row.trial = TrialId(sha256(variant + "/" + data_set + "/" + std::to_string(seed)).value());
  row.labels = Labels{{"data.name", data_set}};
  row.seed = seed;
  row.state = TrialState::kSucceeded;
  row.end = EndReason::kCompleted;
  row.attempts = 1;
  row.duration_s = 5.25 + static_cast<double>(seed);
  row.worker = "host-a/0";
  row.device = "cpu";
  row.configuration = sha256(variant + "/" + data_set).value();
  row.results = {{"test/accuracy", accuracy},
                 {"test/loss", 1.25 - accuracy},
                 {"train/samples_per_s", 5120.5 + 16 * static_cast<double>(seed)},
                 {"model/parameters", 70000.0 + static_cast<double>(variant.size())}};
  row.common_facts = TextList{{"order_sha256", "order-" + std::to_string(seed)}};
  row.own_facts = {{"weights_sha256", row.trial.value().substr(0, 8)}};
  row.initial = TextList{{"head.weight [10, 64]", "head-" + std::to_string(seed)}};
  return row;
}

inline SweepRow sample_head() {
  SweepRow sweep;
  sweep.id = SweepId(3);
  sweep.name = "norm-study";
  sweep.question = "Does the learned selector beat a fixed normalization?";
  sweep.baseline = "DisableSelector";
  sweep.metric = "test/accuracy";
  sweep.profile = "faithful";
  sweep.margin = 0.005;
  sweep.seeds = {0, 1, 2};
  sweep.variants = {"AutoNorm", "DisableSelector", "FrozenLN", "RMSNorm, eps \"1e-6\"", "Teacher"};
  sweep.matrix_keys = {"data.name"};
  sweep.content = sha256("norm-study").value();
  sweep.submitted = wall_from_us(1'777'630'200'000'000);
  return sweep;
}

inline ReportData sample_sweep() {
  ReportData data;
  data.sweep = sample_head();
  const double base[2][3] = {{0.9500, 0.9525, 0.9475}, {0.9000, 0.9050, 0.8950}};
  const double gain[3] = {0.0100, 0.0125, 0.0075};
  for (int cell = 0; cell < 2; ++cell) {
    const std::string name = cell == 0 ? "digits" : "mnist";
    for (uint64_t seed = 0; seed < 3; ++seed) {
      const double value = base[cell][seed];
      data.trials.push_back(make_trial("AutoNorm", name, seed, value + gain[seed]));
      data.trials.push_back(make_trial("DisableSelector", name, seed, value));
      TrialRow twin = make_trial("DisableSelector", name, seed, value);
      twin.variant = "FrozenLN";
      data.trials.push_back(twin);
      data.trials.push_back(make_trial("RMSNorm, eps \"1e-6\"", name, seed, value + (seed == 1 ? 0.002 : -0.001)));
      data.trials.push_back(make_trial("Teacher", name, seed, value - 0.02 * static_cast<double>(seed)));
    }
  }
  for (TrialRow& row : data.trials) {
    const bool digits = row.labels->at("data.name") == "digits";
    if (digits && row.variant == "Teacher" && row.seed == 2) {
      row.state = TrialState::kDiverged;
      row.end = EndReason::kDiverged;
      row.results = {{"model/parameters", 70007.0}};
    }
    if (!digits && row.variant == "Teacher" && row.seed == 0) {
      row.state = TrialState::kFailed;
      row.end = EndReason::kTrainerCrashed;
      row.reason = "SIGSEGV at step 40";
      row.attempts = 3;
      row.results.clear();
      row.own_facts.clear(), row.common_facts = {}, row.initial = {};
    }
    if (!digits && row.variant == "AutoNorm" && row.seed == 1)
      row.initial = TextList{{"head.weight [10, 64]", "another"}};
  }
  return data;
}

// Baseline "Base" and "Variant" on digits, whose accuracies differ by `gains`, one seed each.
inline ReportData two_sides(const std::vector<double>& gains) {
  ReportData data{sample_head(), {}};
  data.sweep.variants = {"Base", "Variant"};
  data.sweep.baseline = "Base";
  data.sweep.seeds.clear();
  for (uint64_t seed = 0; seed < gains.size(); ++seed) {
    data.sweep.seeds.push_back(seed);
    data.trials.push_back(make_trial("Base", "digits", seed, 0.5));
    data.trials.push_back(make_trial("Variant", "digits", seed, 0.5 + gains[seed]));
  }
  return data;
}

// The trial of a side that two_sides() has made.
inline TrialRow& side_of(ReportData& data, const std::string& side, uint64_t seed) {
  return data.trials.at(2 * seed + (side == "Base" ? 0 : 1));
}

inline void diverge(TrialRow& row) {
  row.state = TrialState::kDiverged;
  row.end = EndReason::kDiverged;
  row.results.clear();
}

// Throws when the options do not fit the data.
inline std::string rendered(const ReportData& data, const ReportOptions& options) {
  return render(data, options).value();
}

// The same sweep while its last seed is still running.
inline ReportData unfinished_sweep() {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    if (row.seed != 2) continue;
    row.state = row.labels->at("data.name") == "digits" ? TrialState::kRunning : TrialState::kQueued;
    row.end.reset();
    row.results.clear();
    row.own_facts.clear(), row.common_facts = {}, row.initial = {};
  }
  return data;
}

}  // namespace autonorm::report
