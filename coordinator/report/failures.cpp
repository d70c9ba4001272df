#include "coordinator/report/failures.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "coordinator/report/table.h"
#include "core/base/text.h"
#include "core/messages/failure_pattern.h"

namespace autonorm::report {
namespace {

constexpr size_t kShownGroups = 10;

std::string group_text(const FailureGroup& group) {
  return cat("×", group.count, " ", name(group.end), group.text.empty() ? "" : ": ", group.text, ", e.g. trial ",
             short_form(group.example));
}

}  // namespace

std::vector<FailureGroup> failure_groups(const ReportData& data) {
  std::vector<FailureGroup> groups;
  std::map<std::pair<EndReason, std::string>, size_t> known;
  std::set<TrialId> counted;  // several rows may show one trial
  for (const TrialRow& row : data.trials) {
    if (row.state != TrialState::kFailed || !counted.insert(row.trial).second) continue;
    const EndReason end = row.end.value_or(EndReason::kTrainerCrashed);
    const auto [at, is_new] = known.try_emplace({end, failure_pattern(row.reason)}, groups.size());
    if (is_new) groups.push_back({end, one_line(std::string(first_line(row.reason))), 0, row.trial});
    ++groups[at->second].count;
  }
  std::ranges::stable_sort(groups, std::greater<>(), &FailureGroup::count);
  return groups;
}

std::string failure_note(const ReportData& data) {
  const auto groups = failure_groups(data);
  if (groups.empty()) return "";
  std::vector<std::string> parts;
  for (const FailureGroup& group : groups) {
    if (parts.size() < kShownGroups) parts.push_back(group_text(group));
  }
  const size_t more = groups.size() - parts.size();
  return cat("failed: ", join(parts, "; "), more > 0 ? cat("; and ", more, " more kinds") : "",
             ". What an attempt logged: coordinator logs TRIAL.");
}

}  // namespace autonorm::report
