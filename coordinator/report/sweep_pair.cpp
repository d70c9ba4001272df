#include "coordinator/report/sweep_pair.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "coordinator/report/comparison.h"
#include "core/base/text.h"

namespace autonorm::report {
namespace {

using CellKey = std::pair<std::string, std::map<std::string, std::string>>;  // variant, labels
using CellTrials = std::map<CellKey, std::set<TrialId>>;

CellTrials cells_of(const ReportData& data) {
  CellTrials cells;
  for (const TrialRow& row : data.trials) cells[{row.variant, row.labels}].insert(row.trial);
  return cells;
}

bool share_a_trial(const std::set<TrialId>& a, const std::set<TrialId>& b) {
  return std::ranges::any_of(a, [&](const TrialId& trial) { return b.contains(trial); });
}

std::string side_name(const ReportData& data) {
  const std::string& origin = data.sweep.origin;
  return cat(data.sweep.name, " (sweep ", data.sweep.id, origin.empty() ? "" : " of " + origin, ")");
}

void add_side(const ReportData& side, const std::set<CellKey>& wanted, ReportData& out) {
  for (TrialRow row : side.trials) {
    if (!wanted.contains({row.variant, row.labels})) continue;
    row.labels["variant"] = row.variant;
    row.variant = side_name(side);
    out.trials.push_back(std::move(row));
  }
}

}  // namespace

Result<ReportData> pair_sweeps(const ReportData& first, const ReportData& second) {
  const CellTrials ours = cells_of(first), theirs = cells_of(second);
  std::set<CellKey> differing;
  size_t same = 0;
  for (const auto& [cell, trials] : ours) {
    const auto other = theirs.find(cell);
    if (other == theirs.end()) continue;
    // The hash covers the configuration and the seed, so one equal seed means that the configurations are equal.
    if (share_a_trial(trials, other->second)) {
      ++same;
    } else {
      differing.insert(cell);
    }
  }
  if (same + differing.size() == 0) {
    return invalid("sweeps ", first.sweep.id, " and ", second.sweep.id,
                   " have no cell in common: no variant of equal name with equal matrix values");
  }
  ReportData out;
  out.sweep = first.sweep;
  out.sweep.name = cat(first.sweep.name, " against ", second.sweep.name);
  out.sweep.question = "";
  out.sweep.variants = {side_name(first), side_name(second)};
  out.sweep.baseline = side_name(second);
  out.sweep.matrix_keys.insert(out.sweep.matrix_keys.begin(), "variant");
  for (const uint64_t seed : second.sweep.seeds) {
    if (std::ranges::find(out.sweep.seeds, seed) == out.sweep.seeds.end()) out.sweep.seeds.push_back(seed);
  }
  add_side(first, differing, out);
  add_side(second, differing, out);
  out.departures = {"two sweeps compared after the fact"};
  out.remarks = {cat(same + differing.size(), " cells in both: ", same, " hold the same trials (equal content hash), ",
                     differing.size(), " differ and are compared below; only in sweep ", first.sweep.id, ": ",
                     ours.size() - same - differing.size(), ", only in sweep ", second.sweep.id, ": ",
                     theirs.size() - same - differing.size())};
  return out;
}

}  // namespace autonorm::report
