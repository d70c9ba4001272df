#include "coordinator/report/origins.h"

#include <set>
#include <string_view>
#include <unordered_map>

#include "coordinator/report/distinct_trials.h"
#include "coordinator/report/places.h"
#include "coordinator/report/table.h"
#include "core/base/text.h"

namespace autonorm::report {
namespace {

struct Origin {
  const char *fact, *other, *several;
  bool by_cell;  // cells may differ in it, the trials of one may not
};
constexpr Origin kOrigins[] = {{"build", "another build", "builds", false},
                               {"torch_version", "another LibTorch version", "LibTorch versions", false},
                               {"cpu_capability", "another CPU capability", "CPU capabilities", false},
                               {"device", "another kind of device", "kinds of devices", false},
                               {"data_sha256", "other data", "contents of the data", true}};

// Empty when it is not recorded.
std::string_view value_of_origin(const TrialRow& row, const Origin& origin) {
  const std::string* const found = fact_of(row, origin.fact);
  if (found == nullptr) return {};
  const std::string_view value = *found;
  return std::string_view(origin.fact) == "device" ? value.substr(0, value.find(':')) : value;  // cuda:1 is cuda
}

// Matrix values as one text.
std::string cell_key(const TrialRow& row) {
  std::string key;
  for (const auto& [name, value] : *row.labels) key.append(value).push_back('\0');
  return key;
}
std::string pair_key(const TrialRow& row) { return cat(cell_key(row), row.seed); }

// Within which an origin should be one: a cell, or all.
std::string group_key(const TrialRow& row, const Origin& origin) { return origin.by_cell ? cell_key(row) : ""; }

// The groups of trials with different values.
std::set<std::string> varying_groups(const ReportData& data, const Origin& origin) {
  std::set<std::string> varying;
  std::unordered_map<std::string, std::string_view> first;
  const TrialRow* last = nullptr;
  std::pair<const std::string, std::string_view>* group = nullptr;
  for (const TrialRow& row : data.trials) {
    if (!has_result(row)) continue;
    const std::string_view value = value_of_origin(row, origin);
    if (last == nullptr || (origin.by_cell && last->labels != row.labels)) {
      group = &*first.try_emplace(group_key(row, origin), value).first;
    }
    last = &row;
    if (value != group->second) varying.insert(group->first);
  }
  return varying;
}

// Long hashes by their beginning.
std::string shown_value(const std::string& value) {
  constexpr size_t kShown = 12;
  if (value.empty()) return "not recorded";
  const bool is_hash = value.size() >= 40 && value.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_hash ? value.substr(0, kShown) : one_line(value);
}

std::string note_text(const Origin& origin, const MixedOrigin& mixed, const Places& places) {
  std::vector<std::string> values;
  for (const auto& [value, count] : mixed.trials) values.push_back(cat(shown_value(value), ": ", count));
  const size_t known = mixed.trials.size() - mixed.trials.count("");
  std::string note = known > 1
                         ? cat("these trials come from ", known, " ", origin.several)
                         : cat("not of all trials it is recorded from which of the ", origin.several, " they come");
  note += cat(origin.by_cell ? " within a cell" : "", " (", join(values), ")");
  if (mixed.mixed == 0) return note + "; no pair mixes them.";
  return note + cat("; in ", mixed.mixed, " of ", mixed.pairs, " pairs variant and baseline have different ones (",
                    places.text(), "): their Δ may not be of the variant alone.");
}

MixedOrigin mixed_origin(const ReportData& data, const Origin& origin, const std::set<std::string>& groups) {
  const auto counts = [&](const TrialRow& row) { return has_result(row) && groups.contains(group_key(row, origin)); };
  MixedOrigin out{.fact = origin.fact, .trials = {}, .note = {}};
  DistinctTrials counted(data.trials.size());
  std::unordered_map<std::string, const TrialRow*> baseline;
  for (const TrialRow& row : data.trials) {
    if (!counts(row)) continue;
    if (counted.insert(row.trial)) ++out.trials[std::string(value_of_origin(row, origin))];
    if (row.variant == data.sweep.baseline) baseline.emplace(pair_key(row), &row);
  }
  const auto keys = label_keys_of(data);
  std::map<std::string, int> by_place;
  for (const TrialRow& row : data.trials) {
    if (!counts(row) || row.variant == data.sweep.baseline) continue;
    const auto other = baseline.find(pair_key(row));
    if (other == baseline.end()) continue;
    const auto ours = value_of_origin(row, origin), theirs = value_of_origin(*other->second, origin);
    if (ours.empty() || theirs.empty()) continue;
    ++out.pairs;
    if (ours == theirs) continue;
    ++out.mixed;
    ++by_place[cat(one_line(row.variant), " on ", one_line(cell_name(row.labels, keys)))];
  }
  Places places;
  for (const auto& [place, count] : by_place) places.add([&] { return cat(place, " ", count); });
  out.note = note_text(origin, out, places);
  return out;
}

}  // namespace

std::vector<MixedOrigin> mixed_origins(const ReportData& data) {
  std::vector<MixedOrigin> mixed;
  for (const Origin& origin : kOrigins) {
    const auto groups = varying_groups(data, origin);
    if (!groups.empty()) mixed.push_back(mixed_origin(data, origin, groups));
  }
  return mixed;
}

std::vector<std::string> origin_differences(const TrialRow& a, const TrialRow& b) {
  std::vector<std::string> differences;
  for (const Origin& origin : kOrigins) {
    const auto ours = value_of_origin(a, origin), theirs = value_of_origin(b, origin);
    if (!ours.empty() && !theirs.empty() && ours != theirs) differences.emplace_back(origin.other);
  }
  return differences;
}

}  // namespace autonorm::report
