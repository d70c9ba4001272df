#include "coordinator/server/forecast.h"

#include <algorithm>
#include <unordered_map>

#include "core/base/sha256.h"
#include "core/config/trial_identity.h"

namespace autonorm::server {
namespace {

struct Mean {
  double sum = 0;
  int64_t count = 0;
};

// config::cell_id(), once for all seeds of a cell.
class CellIds {
 public:
  const Sha256& of(const config::PlannedTrial& trial) {
    const auto [known, is_new] = ids_.try_emplace(trial.common.get());
    if (is_new) known->second = sha256(identities_.of(*trial.common).canonical(0, std::nullopt));
    return known->second;
  }

 private:
  std::unordered_map<const config::TrialConfig*, Sha256> ids_;
  config::CellIdentities identities_;
};

}  // namespace

std::optional<double> forecast_s(const config::Sweep& sweep, const std::set<TrialId>& finished,
                                 const std::map<TrialId, double>& past_durations_s, int64_t slots) {
  if (slots <= 0) return std::nullopt;
  CellIds ids;
  std::map<Sha256, Mean> cells;
  for (const auto& trial : sweep.trials) {
    const auto past = past_durations_s.find(trial.id);
    if (past == past_durations_s.end()) continue;
    auto& cell = cells[ids.of(trial)];
    cell.sum += past->second;
    ++cell.count;
  }
  double slot_seconds = 0, longest = 0;
  for (const auto& trial : sweep.trials) {
    if (finished.contains(trial.id)) continue;
    const auto cell = cells.find(ids.of(trial));
    if (cell == cells.end()) return std::nullopt;
    const double duration = cell->second.sum / static_cast<double>(cell->second.count);
    slot_seconds += duration * static_cast<double>(trial.common->ranks);
    longest = std::max(longest, duration);
  }
  return std::max(longest, slot_seconds / static_cast<double>(slots));
}

}  // namespace autonorm::server
