#include "coordinator/cli/sweep_choice.h"

#include <algorithm>
#include <vector>

#include "coordinator/server/sweep_selector.h"

namespace autonorm::cli {

Result<engine::SweepView> chosen_sweep(ControlClient& client, const std::string& selector) {
  const auto sweeps = client.sweeps();
  if (!sweeps.ok()) return sweeps.status();
  std::vector<server::NamedSweep> named;
  for (const auto& sweep : *sweeps) named.push_back({sweep.id, sweep.name});
  const auto id = server::select_sweep(selector, named);
  if (!id.ok()) return id.status();
  return *std::ranges::find(*sweeps, *id, &engine::SweepView::id);
}

}  // namespace autonorm::cli
