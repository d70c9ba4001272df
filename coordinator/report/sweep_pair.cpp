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
struct CellContent {
  std::set<TrialId> trials;
  std::set<std::string> configurations;
};
using CellContents = std::map<CellKey, CellContent>;

CellContents contents_of(const ReportData& data) {
  CellContents cells;
  for (const TrialRow& row : data.trials) {
    CellContent& content = cells[{row.variant, row.labels}];
    content.trials.insert(row.trial);
    if (!row.configuration->empty()) content.configurations.insert(row.configuration);
  }
  return cells;
}

// Finds the cell of a sweep that holds something; where several do, one that is called `own` before the others.
template <class Content>
class Holders {
 public:
  Holders(const CellContents& cells, std::set<Content> CellContent::*part) {
    for (const auto& [cell, content] : cells) {
      for (const Content& held : content.*part) cells_[held].push_back(&cell);
    }
  }
  const CellKey* find(const std::set<Content>& wanted, const CellKey& own) const {
    const CellKey* first = nullptr;
    for (const Content& content : wanted) {
      const auto holders = cells_.find(content);
      if (holders == cells_.end()) continue;
      for (const CellKey* holder : holders->second) {
        if (*holder == own) return holder;
        if (first == nullptr) first = holder;
      }
    }
    return first;
  }

 private:
  std::map<Content, std::vector<const CellKey*>> cells_;
};

using Matches = std::map<CellKey, CellKey>;  // of the first sweep → of the second

Matches matches_of(const CellContents& ours, const CellContents& theirs) {
  const Holders<TrialId> by_trial(theirs, &CellContent::trials);
  const Holders<std::string> by_configuration(theirs, &CellContent::configurations);
  Matches matches;
  std::set<CellKey> taken;
  for (const auto& [cell, content] : ours) {
    const CellKey* match = by_trial.find(content.trials, cell);
    if (match == nullptr) match = by_configuration.find(content.configurations, cell);
    if (match == nullptr) continue;
    matches.emplace(cell, *match);
    taken.insert(*match);
  }
  for (const auto& [cell, content] : ours) {
    if (!matches.contains(cell) && theirs.contains(cell) && taken.insert(cell).second) matches.emplace(cell, cell);
  }
  return matches;
}

// The hash covers the configuration and the seed, so one equal seed means that the configurations are equal.
bool share_a_trial(const CellContent& a, const CellContent& b) {
  return std::ranges::any_of(a.trials, [&](const TrialId& trial) { return b.trials.contains(trial); });
}

std::string side_name(const ReportData& data) {
  const std::string& origin = data.sweep.origin;
  return cat(data.sweep.name, " (sweep ", data.sweep.id, origin.empty() ? "" : " of " + origin, ")");
}

// `shown`: which cells, and as which.
void add_side(const ReportData& side, const std::multimap<CellKey, CellKey>& shown, ReportData& out) {
  for (const TrialRow& row : side.trials) {
    const auto [begin, end] = shown.equal_range({row.variant, row.labels});
    for (auto as = begin; as != end; ++as) {
      TrialRow& added = out.trials.emplace_back(row);
      added.variant = side_name(side);
      added.labels = with_label(as->second.second, kPairedVariant, as->second.first);
    }
  }
}

// "Base = LayerNorm": variants that the sweeps call differently.
std::string renamed_text(const Matches& matches) {
  constexpr size_t kMost = 20;
  std::set<std::string> names;
  for (const auto& [ours, theirs] : matches) {
    if (ours.first != theirs.first) names.insert(cat(ours.first, " = ", theirs.first));
  }
  std::vector<std::string> named(names.begin(), names.end());
  const size_t more = named.size() - std::min(named.size(), kMost);
  named.resize(named.size() - more);
  return join(named) + (more > 0 ? cat(", and ", more, " more") : "");
}

}  // namespace

Result<ReportData> pair_sweeps(const ReportData& first, const ReportData& second) {
  const CellContents ours = contents_of(first), theirs = contents_of(second);
  const Matches matches = matches_of(ours, theirs);
  if (matches.empty()) {
    return invalid("sweeps ", first.sweep.id, " and ", second.sweep.id,
                   " have no cell in common: no equal trial or configuration, and no variant of equal name with equal "
                   "matrix values");
  }
  std::multimap<CellKey, CellKey> shown_of_first, shown_of_second;
  std::set<CellKey> matched;
  for (const auto& [own, other] : matches) {
    matched.insert(other);
    if (share_a_trial(ours.at(own), theirs.at(other))) continue;
    shown_of_first.emplace(own, own);
    shown_of_second.emplace(other, own);
  }
  ReportData out;
  out.sweep = first.sweep;
  out.sweep.name = cat(first.sweep.name, " against ", second.sweep.name);
  out.sweep.question = "";
  out.sweep.variants = {side_name(first), side_name(second)};
  out.sweep.baseline = side_name(second);
  out.sweep.matrix_keys.insert(out.sweep.matrix_keys.begin(), kPairedVariant);
  for (const uint64_t seed : second.sweep.seeds) {
    if (std::ranges::find(out.sweep.seeds, seed) == out.sweep.seeds.end()) out.sweep.seeds.push_back(seed);
  }
  add_side(first, shown_of_first, out);
  add_side(second, shown_of_second, out);
  out.departures = {"two sweeps compared after the fact"};
  const size_t differ = shown_of_first.size();
  out.remarks = {
      cat(matches.size(), " cells in both: ", matches.size() - differ, " hold the same trials (equal content hash), ",
          differ, " differ and are compared below; only in sweep ", first.sweep.id, ": ", ours.size() - matches.size(),
          ", only in sweep ", second.sweep.id, ": ", theirs.size() - matched.size())};
  for (const ReportData* side : {&first, &second}) {
    for (const std::string& remark : side->remarks) out.remarks.push_back(cat(side_name(*side), ": ", remark));
  }
  if (const std::string renamed = renamed_text(matches); !renamed.empty()) {
    out.remarks.push_back(
        cat("equal content under two names (sweep ", first.sweep.id, " = sweep ", second.sweep.id, "): ", renamed));
  }
  return out;
}

}  // namespace autonorm::report
