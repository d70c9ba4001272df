// Training some trials of a sweep once more, as trials of their own, to see whether they come out the same.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/config/sweep.h"

namespace autonorm::config {

struct Rerun {
  int64_t round = 1;  // another one trains them yet again
  std::vector<TrialId> trials;
};

// The sweep that trains these trials of `source` again: its cells are theirs, its name says so, and their ids are new,
// so that nothing of the first training is shared, replaced or found. Stages that they need are the first ones. It
// travels as one more file, which no path on disk can have.
SweepSource with_rerun(SweepSource source, const Rerun& rerun);

// The id of a trial's rerun.
TrialId rerun_id(const TrialId& trial, int64_t round);

// Has the form that with_rerun() gives to names, "study (again, 1)"; no other sweep may.
bool is_rerun_name(std::string_view name);

// For expand_sweep: does to the expanded sweep what the source's rerun asks for, if any. kInvalid: it is damaged, or
// names trials that the sweep does not have.
Status apply_rerun(const SweepSource& source, Sweep& sweep);

}  // namespace autonorm::config
