// Reads a database for reports through a read-only connection of its own: the running coordinator's, or a copy.
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/report/report_data.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::store {

struct SweepSummary {
  SweepId id;
  std::string name;
  std::string state;  // "submitting" | "running" | "paused" | "cancelled" | "done"
  std::map<TrialState, int64_t> counts;
  int64_t cells = 0, trials = 0;
  WallTime submitted{};
};

// Cells of a sweep by position, for readers that take it in parts.
struct RowRange {
  int64_t from = 0;
  int64_t before = std::numeric_limits<int64_t>::max();
  int64_t most = std::numeric_limits<int64_t>::max();
  bool operator==(const RowRange&) const = default;
};
struct SweepRows {
  report::ReportData data;
  int64_t next = 0;  // the position to go on from; 0 = these are the last
  // Known with the last part, as `data.sweep.extends_earlier` is: of the trials of all parts, not yet in their rows.
  report::TrainedAgain trained_again = {};
};

// Not thread-safe: one reader per thread.
class ReportReader {
 public:
  // `path`: a database file, or a state directory with autonorm.db. kNotFound names the path and what was looked for;
  // kConflict: a database of another release.
  static Result<std::unique_ptr<ReportReader>> open(const std::filesystem::path& path);
  ~ReportReader();

  // All sweeps, oldest first.
  Result<std::vector<SweepSummary>> sweeps();
  // The same without a look at their trials.
  Result<std::vector<std::pair<SweepId, std::string>>> names();
  // Whether an attempt of any sweep is under way.
  Result<bool> something_runs();
  // Training time of those of `trials` that succeeded.
  Result<std::map<TrialId, double>> durations_s(const std::set<TrialId>& trials);
  // Usable values (report::kLargestValue) of a metric, of those of `trials` that have one.
  Result<std::map<TrialId, double>> results(const std::set<TrialId>& trials, const std::string& metric);
  // Rows in the order of the sweep's cells, all of one state of the database; a large sweep by two threads when nothing
  // runs. kNotFound lists the sweeps there are.
  Result<report::ReportData> report(SweepId sweep);
  // The same of some cells: O(cells read), wherever they are in the sweep.
  Result<SweepRows> rows_of(SweepId sweep, const RowRange& range);

 private:
  struct State;
  explicit ReportReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace autonorm::store
