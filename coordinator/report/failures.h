// What failed, identical failures together. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/report/report_data.h"

namespace autonorm::report {

// Failed trials that ended for the same reason and whose messages differ in numbers and ids only (failure_pattern()).
struct FailureGroup {
  EndReason end{};
  std::string text;  // first line of the message of one of them
  int64_t count = 0;
  TrialId example;
};

// Distinct trials; the largest group first, then in the order of their first trial.
std::vector<FailureGroup> failure_groups(const ReportData& data);
// "failed: ×37 stalled: no step for 600 s, e.g. trial 3f9a1c2b; …", at most ten groups; empty when nothing failed.
std::string failure_note(const ReportData& data);

}  // namespace autonorm::report
