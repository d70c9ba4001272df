#include "coordinator/server/report_desk.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "coordinator/server/sweep_selector.h"
#include "coordinator/store/report_reader.h"

namespace autonorm::server {
namespace {

constexpr size_t kSweepsLookedAt = 20;

}  // namespace

ReportDesk::ReportDesk(std::filesystem::path database) : database_(std::move(database)) {}
ReportDesk::~ReportDesk() = default;

Status ReportDesk::open() {
  if (reader_) return {};
  auto reader = store::ReportReader::open(database_);
  if (!reader.ok()) return reader.status();
  reader_ = *std::move(reader);
  return {};
}

Result<std::string> ReportDesk::render(const std::string& selector, const report::ReportOptions& options) {
  AUTONORM_RETURN_IF_ERROR(open());
  const auto sweeps = reader_->sweeps();
  if (!sweeps.ok()) return sweeps.status();
  std::vector<NamedSweep> named;
  for (const auto& sweep : *sweeps) named.push_back({sweep.id, sweep.name});
  const auto id = select_sweep(selector, named);
  if (!id.ok()) return id.status();
  const auto data = reader_->report(*id);
  if (!data.ok()) return data.status();
  return report::render(*data, options);
}

Result<std::map<TrialId, double>> ReportDesk::past_durations_s() {
  AUTONORM_RETURN_IF_ERROR(open());
  auto sweeps = reader_->sweeps();
  if (!sweeps.ok()) return sweeps.status();
  std::ranges::reverse(*sweeps);
  if (sweeps->size() > kSweepsLookedAt) sweeps->resize(kSweepsLookedAt);
  std::map<TrialId, double> durations;
  for (const auto& sweep : *sweeps) {
    const auto data = reader_->report(sweep.id);
    if (!data.ok()) return data.status();
    for (const auto& row : data->trials) {
      if (row.state == TrialState::kSucceeded && row.duration_s > 0) durations.emplace(row.trial, row.duration_s);
    }
  }
  return durations;
}

}  // namespace autonorm::server
