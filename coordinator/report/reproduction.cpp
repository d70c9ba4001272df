#include "coordinator/report/reproduction.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "coordinator/report/numbers.h"
#include "coordinator/report/origins.h"
#include "coordinator/report/table.h"
#include "core/base/text.h"

namespace autonorm::report {
namespace {

bool same_fact(const TrialRow& a, const TrialRow& b, const std::string& fact) {
  const std::string *ours = fact_of(a, fact), *theirs = fact_of(b, fact);
  return ours != nullptr && theirs != nullptr && *ours == *theirs;
}

// In what else than its number the second training differs.
std::string remark_on(const TrialRow& first, const TrialRow& second) {
  std::vector<std::string> remarks = origin_differences(first, second);
  if (first.state != second.state) {
    remarks.insert(remarks.begin(), cat(name(first.state), ", then ", name(second.state)));
  } else if (!same_fact(first, second, "order_sha256")) {
    remarks.emplace_back("another batch order");
  }
  return join(remarks);
}

ReproducedTrial judged(const TrialRow& first, const TrialRow& second, const std::string& metric, double tolerance) {
  ReproducedTrial out{first, second, Reproduction::kIrreproducible, std::nullopt, ""};
  if (!has_result(second)) {
    out.outcome = Reproduction::kUnfinished;
    out.remark = std::string(name(second.state));
    return out;
  }
  const auto ours = value_of(first, metric), theirs = value_of(second, metric);
  if (ours && theirs) out.difference = *theirs - *ours;
  out.remark = remark_on(first, second);  // bit-exact in spite of another build is worth knowing, too
  const bool same_end = first.state == second.state && ours.has_value() == theirs.has_value();
  // A trial that diverged has no weights worth hashing: its end and batch order must agree.
  const bool same_weights = first.state == TrialState::kDiverged ? true : same_fact(first, second, "weights_sha256");
  if (same_end && same_weights && same_fact(first, second, "order_sha256") && out.difference.value_or(0) == 0) {
    out.outcome = Reproduction::kBitExact;
    return out;
  }
  if (same_end && out.difference && std::abs(*out.difference) <= tolerance) {
    out.outcome = Reproduction::kWithinTolerance;
  }
  return out;
}

}  // namespace

std::string_view name(Reproduction reproduction) {
  switch (reproduction) {
    case Reproduction::kBitExact:
      return "bit-exact";
    case Reproduction::kWithinTolerance:
      return "within tolerance";
    case Reproduction::kIrreproducible:
      return "irreproducible";
    case Reproduction::kUnfinished:
      return "not finished";
  }
  return "";
}

int ReproductionReport::count(Reproduction outcome) const {
  return static_cast<int>(std::ranges::count(trials, outcome, &ReproducedTrial::outcome));
}

Result<ReproductionReport> compare_reruns(const ReportData& first, const ReportData& again, double tolerance) {
  using Key = std::tuple<std::string, std::map<std::string, std::string>, uint64_t>;
  std::map<Key, const TrialRow*> originals;
  for (const TrialRow& row : first.trials) originals.emplace(Key(row.variant, row.labels, row.seed), &row);
  ReproductionReport report;
  report.tolerance = tolerance;
  for (const TrialRow& row : again.trials) {
    const auto original = originals.find(Key(row.variant, row.labels, row.seed));
    if (original == originals.end()) {
      return internal("sweep ", again.sweep.id, " trained ", row.variant, " seed ", row.seed, ", which sweep ",
                      first.sweep.id, " does not have");
    }
    report.trials.push_back(judged(*original->second, row, first.sweep.metric, tolerance));
  }
  return report;
}

std::string reproduction_text(const ReportData& first, const ReproductionReport& report, bool colour) {
  const auto keys = label_keys_of(first);
  Table table;
  table.header = {"variant", "cell", "seed", "trial", "trained again", first.sweep.metric, "again", "difference", ""};
  table.align = {Align::kLeft,  Align::kLeft,  Align::kRight, Align::kLeft, Align::kLeft,
                 Align::kRight, Align::kRight, Align::kRight, Align::kLeft};
  for (const ReproducedTrial& trial : report.trials) {
    const bool bad = trial.outcome == Reproduction::kIrreproducible;
    table.rows.push_back({{one_line(trial.first.variant)},
                          {one_line(cell_name(trial.first.labels, keys))},
                          {cat(trial.first.seed)},
                          {short_form(trial.first.trial)},
                          {std::string(name(trial.outcome)), bad ? Emphasis::kAlarm : Emphasis::kNone},
                          {fixed(value_of(trial.first, first.sweep.metric), 6)},
                          {fixed(value_of(trial.second, first.sweep.metric), 6)},
                          {with_sign(trial.difference, 6)},
                          {one_line(trial.remark)}});
  }
  std::string text = aligned_text(table, colour) + "\n";
  text += cat(report.trials.size(), " trained again: ", report.count(Reproduction::kBitExact), " bit-exact, ",
              report.count(Reproduction::kWithinTolerance), " within ±", report.tolerance, ", ",
              report.count(Reproduction::kIrreproducible), " irreproducible");
  if (const int open = report.count(Reproduction::kUnfinished); open > 0) text += cat(", ", open, " not finished");
  return text + "\n";
}

}  // namespace autonorm::report
