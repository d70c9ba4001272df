#include "coordinator/server/sweep_selector.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "core/base/text.h"
#include "core/config/rerun.h"

namespace autonorm::server {
namespace {

std::optional<SweepId> parse_id(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return SweepId(number);
}

constexpr size_t kListedSweeps = 8;

Status no_such_sweep(const std::string& selector, std::vector<NamedSweep> sweeps) {
  if (sweeps.empty()) {
    return not_found(selector.empty() ? "" : "no sweep '" + selector + "': ",
                     "there is no sweep yet; submit one: coordinator submit FILE");
  }
  std::ranges::sort(sweeps, std::greater(), &NamedSweep::id);
  std::set<std::string> names;
  std::vector<std::string> listed;
  for (const auto& sweep : sweeps) {
    names.insert(sweep.name);
    if (listed.size() < kListedSweeps) listed.push_back(cat(sweep.id, " (", sweep.name, ")"));
  }
  if (sweeps.size() > kListedSweeps) listed.push_back("…");
  const bool is_number = parse_id(selector).has_value();  // no misspelt name
  const std::string near = is_number ? "" : nearest(selector, std::vector<std::string>(names.begin(), names.end()));
  return not_found("no sweep '", selector, "'", near.empty() ? "" : "; did you mean '" + near + "'?",
                   "\nthere are, newest first: ", join(listed));
}

}  // namespace

Result<SweepId> select_sweep(const std::string& selector, const std::vector<NamedSweep>& sweeps) {
  const auto id = parse_id(selector);
  std::optional<SweepId> found, found_rerun;
  for (const auto& sweep : sweeps) {
    const bool matches = selector.empty() || sweep.name == selector || sweep.id == id;
    std::optional<SweepId>& best = selector.empty() && config::is_rerun_name(sweep.name) ? found_rerun : found;
    if (matches && (!best || sweep.id > *best)) best = sweep.id;
    if (sweep.id == id) return sweep.id;  // a number means the id, even when another sweep has it as its name
  }
  if (found) return *found;
  if (found_rerun) return *found_rerun;
  return no_such_sweep(selector, sweeps);
}

}  // namespace autonorm::server
