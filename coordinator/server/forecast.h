// How long a sweep will take, from past trials of its own cells. Pure.
#pragma once
#include <map>
#include <optional>
#include <set>

#include "core/base/ids.h"
#include "core/config/sweep.h"

namespace autonorm::server {

// Seconds until the trials that are not in `finished` are trained on `slots` slots. Each takes as long as the mean of
// the past trials with the same configuration apart from the seed. Absent when there is no slot, or when a trial has no
// such past.
std::optional<double> forecast_s(const config::Sweep& sweep, const std::set<TrialId>& finished,
                                 const std::map<TrialId, double>& past_durations_s, int64_t slots);

}  // namespace autonorm::server
