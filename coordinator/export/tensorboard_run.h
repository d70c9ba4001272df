// One trial as a run of TensorBoard.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "coordinator/report/history.h"
#include "coordinator/report/report_data.h"

namespace autonorm::exporting {

// Folders of a sweep's runs below the log folder, e.g. "AutoNorm/data.name=digits/seed-0". Every part is fit for a file
// name; variants or cells that would be the same ("a/b", "a_b") get a number.
class RunFolders {
 public:
  explicit RunFolders(const report::ReportData& data);
  // `row`: of that sweep.
  std::string of(const report::TrialRow& row) const;

 private:
  std::vector<std::string> label_keys_;
  std::map<std::string, std::string> variants_, cells_;  // name → word
};
// "events.out.tfevents.<seconds>.<trial>": TensorBoard takes files of such names only.
std::string event_file_name(const report::TrialRow& row, const report::TrialHistory& history);

// Metrics over steps as scalars, values of norms as "norms/SITE/NAME", how they are spread over sites as the histogram
// "norms over sites/NAME", final results as "result/METRIC" at the last step. The database holds no time of a single
// point: it is interpolated between start and end of the attempt. Values that are no numbers are left out.
std::string event_file_bytes(const report::TrialRow& row, const report::TrialHistory& history);

}  // namespace autonorm::exporting
