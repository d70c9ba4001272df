// Was the report's question asked before its answer was known?
#pragma once
#include <string>

#include "coordinator/report/report_data.h"

namespace autonorm::report {

struct Registration {
  bool registered = false;
  std::string text;  // "PRE-REGISTERED: …" or "POST HOC: …" with every reason
  const char* word() const { return registered ? "pre-registered" : "post hoc"; }
};

// Pre-registered: metric, baseline, margin, alpha, seeds and cells are those hashed at submit, none of them was
// cancelled, and no variant's trial had ended by then, unless the sweep extends an earlier one as that had registered.
// A re-run for verification never is.
Registration registration_of(const ReportData& data);

}  // namespace autonorm::report
