// Where a verb that only reads finds results: the running coordinator, or a database read without one.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/cli/environment.h"
#include "coordinator/cli/options.h"
#include "coordinator/report/history.h"
#include "coordinator/report/report_data.h"
#include "coordinator/server/report_desk.h"
#include "core/base/status.h"

namespace autonorm::cli {

// Not thread-safe.
class Archive {
 public:
  virtual ~Archive() = default;
  // `compared`: two variants of the sweep, or two sweeps; empty for the whole sweep.
  virtual Result<std::string> report(const std::string& sweep, const report::ReportOptions& how,
                                     const std::vector<std::string>& compared) = 0;
  virtual Result<server::SweepRead> read_sweep(const std::string& sweep) = 0;
  virtual Result<std::vector<report::TrialHistory>> histories(const std::vector<TrialId>& trials) = 0;
};

// A database that is named. kNotFound: it does not exist.
Result<std::unique_ptr<Archive>> open_database(const std::filesystem::path& database);
// Without a named place: the coordinator; when none answers, the default state directory, saying so on `err`.
Result<std::unique_ptr<Archive>> open_archive(const ArchivePlace& place, const std::string& coordinator,
                                              Environment& environment);

}  // namespace autonorm::cli
