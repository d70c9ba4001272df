// Reads what happened while trials trained, through a read-only connection of its own.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/report/history.h"
#include "core/base/status.h"
#include "core/config/sweep.h"

namespace autonorm::store {

// Not thread-safe: one reader per thread.
class HistoryReader {
 public:
  // As ReportReader::open.
  static Result<std::unique_ptr<HistoryReader>> open(const std::filesystem::path& path);
  ~HistoryReader();

  // In the order asked for; all read in one transaction. kNotFound: an id that the database does not hold.
  Result<std::vector<report::TrialHistory>> histories(const std::vector<TrialId>& trials);
  // `trial`: 64 hex digits or a prefix of at least 4; kInvalid when it is ambiguous.
  Result<std::vector<report::Curve>> curves(const std::string& trial);
  // The files that a sweep was submitted from.
  Result<config::SweepSource> source(SweepId sweep);

 private:
  struct State;
  explicit HistoryReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace autonorm::store
