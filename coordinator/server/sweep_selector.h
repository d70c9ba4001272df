// Which sweep people mean by SWEEP: its number, its name (the newest of that name), or nothing: the newest of all that
// are no re-runs of `coordinator verify`, which are meant only when they are named, or when there is nothing else.
#pragma once
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::server {

struct NamedSweep {
  SweepId id;
  std::string name;
};

// kNotFound names what was asked for, the nearest name, and the sweeps there are. The order of `sweeps` does not
// matter.
Result<SweepId> select_sweep(const std::string& selector, const std::vector<NamedSweep>& sweeps);

}  // namespace autonorm::server
