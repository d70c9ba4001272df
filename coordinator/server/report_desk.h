// Reports and what past trials took, read through a read-only connection of its own. Used by one thread: the
// server's report thread, or a command line that reads a state directory without a server.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/report/history.h"
#include "coordinator/report/report_data.h"
#include "coordinator/store/report_reader.h"
#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/config/sweep.h"

namespace autonorm::store {
class HistoryReader;
}  // namespace autonorm::store

namespace autonorm::server {

// A sweep's rows and the files that it was submitted from.
struct SweepRead {
  report::ReportData data;
  config::SweepSource source;
  // Of a part (store::SweepRows):
  int64_t next = 0;
  report::TrainedAgain trained_again = {};
};

class ReportDesk {
 public:
  // `database`: a file, or a state directory. Opened by the first call that needs it.
  explicit ReportDesk(std::filesystem::path database);
  ~ReportDesk();

  // `selector` as in sweep_selector.h.
  Result<std::string> render(const std::string& selector, const report::ReportOptions& options);
  // `compared`: two variants of the sweep `selector`, the second being the baseline; else two sweeps (sweep_pair.h).
  // kInvalid unless there are two, both of one kind.
  Result<std::string> compare(const std::string& selector, const std::vector<std::string>& compared,
                              report::ReportOptions options);
  Result<SweepRead> read_sweep(const std::string& selector);
  Result<SweepRead> read_part(const std::string& selector, const store::RowRange& range);
  // In the order asked for. kNotFound: an id that the database does not hold.
  Result<std::vector<report::TrialHistory>> histories(const std::vector<TrialId>& trials);
  // Training time of those of `trials` that succeeded.
  Result<std::map<TrialId, double>> durations_s(const std::set<TrialId>& trials);
  // Their values of a metric, of those of `trials` that have one.
  Result<std::map<TrialId, double>> results(const std::set<TrialId>& trials, const std::string& metric);
  // Whether an attempt of any sweep is under way; false, too, when the database cannot be read.
  bool something_runs();

 private:
  Status open();
  Result<SweepId> find(const std::string& selector);
  Result<report::ReportData> read(const std::string& selector);

  const std::filesystem::path database_;
  std::unique_ptr<store::ReportReader> reader_;
  std::unique_ptr<store::HistoryReader> histories_;
};

}  // namespace autonorm::server
