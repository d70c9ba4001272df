// How much the per-seed differences to the baseline spread, from past trials of a sweep's own cells. Pure.
#pragma once
#include <map>
#include <optional>

#include "core/base/ids.h"
#include "core/config/sweep.h"
#include "core/stats/power.h"

namespace autonorm::server {

// `values`: of the sweep's metric, of trials that have a result. Pools the variances of all variants and cells with at
// least two past pairs, weighted by their degrees of freedom. Variants that share the baseline's trials do not count:
// they never differ. Absent when there are no such pairs.
std::optional<stats::KnownSpread> past_spread(const config::Sweep& sweep, const std::map<TrialId, double>& values);

}  // namespace autonorm::server
