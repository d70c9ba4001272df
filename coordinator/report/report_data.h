// What a report is computed from: plain rows, as read from the database by coordinator/store/report_reader.h.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/messages/trial_state.h"

namespace autonorm::report {

struct TrialRow {  // one per claim label (variant × cell × seed)
  TrialId trial;
  std::string variant;
  std::map<std::string, std::string> labels;  // matrix key → value; always "data.name"
  uint64_t seed = 0;
  TrialState state{};
  std::optional<EndReason> end;
  int attempts = 0;
  int64_t ranks = 1;
  double duration_s = 0;  // training time of the last attempt
  std::string worker, device;
  std::map<std::string, double> results;       // metric → value
  std::map<std::string, std::string> facts;    // weights_sha256, order_sha256, torch, cpu_capability, …
  std::map<std::string, std::string> initial;  // parameter name and shape → hash of the initial value
};
struct SweepRow {
  SweepId id;
  std::string name, question, baseline, metric, profile;
  double margin = 0, alpha = 0.05;
  std::vector<uint64_t> seeds;
  std::vector<std::string> variants;  // in the file's order
  std::vector<std::string> matrix_keys;
};
struct ReportData {
  SweepRow sweep;
  std::vector<TrialRow> trials;
};

enum class Format { kText, kCsv, kJson, kMarkdown };
struct ReportOptions {
  Format format = Format::kText;
  bool trials = false;  // one row per trial and label instead of the comparison
  bool colour = false;  // text only
};
// The whole report as text, ending in a newline.
std::string render(const ReportData& data, const ReportOptions& options);

}  // namespace autonorm::report
