// Whether what is compared was made alike: by one build, with one LibTorch, on one kind of processor, from the same
// data. Where it was not, a difference may be one of these instead of the variant.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "coordinator/report/report_data.h"

namespace autonorm::report {

struct MixedOrigin {
  std::string fact;                   // "build"
  std::map<std::string, int> trials;  // its values → distinct trials with results; "" = not recorded
  int pairs = 0;                      // a variant and the baseline, both with results and the fact
  int mixed = 0;                      // of them with different values
  std::string note;                   // for people
};

// The facts that are not the same for all trials of a report; of data, which may differ between cells, those of the
// cells whose trials do not agree. O(trials).
std::vector<MixedOrigin> mixed_origins(const ReportData& data);

// "another build", "other data", …: in what two trials differ. What one of them has not recorded does not count.
std::vector<std::string> origin_differences(const TrialRow& a, const TrialRow& b);

}  // namespace autonorm::report
