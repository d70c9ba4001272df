#include "coordinator/server/report_desk.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "coordinator/report/comparison.h"
#include "coordinator/report/names.h"
#include "coordinator/report/render.h"
#include "coordinator/report/sweep_pair.h"
#include "coordinator/server/sweep_selector.h"
#include "coordinator/store/history_reader.h"
#include "core/config/shared_stages.h"

namespace autonorm::server {
ReportDesk::ReportDesk(std::filesystem::path database) : database_(std::move(database)) {}
ReportDesk::~ReportDesk() = default;

Status ReportDesk::open() {
  if (histories_) return {};
  auto reader = store::ReportReader::open(database_);
  if (!reader.ok()) return reader.status();
  auto histories = store::HistoryReader::open(database_);
  if (!histories.ok()) return histories.status();
  reader_ = *std::move(reader);
  histories_ = *std::move(histories);
  return {};
}

Result<SweepId> ReportDesk::find(const std::string& selector) {
  AUTONORM_RETURN_IF_ERROR(open());
  const auto names = reader_->names();
  if (!names.ok()) return names.status();
  std::vector<NamedSweep> named;
  for (const auto& [id, name] : *names) named.push_back({id, name});
  return select_sweep(selector, named);
}

Result<report::ReportData> ReportDesk::read(const std::string& selector) {
  const auto id = find(selector);
  if (!id.ok()) return id.status();
  auto data = reader_->report(*id);
  if (!data.ok()) return data;
  const auto source = histories_->source(*id);
  if (!source.ok()) return source.status();
  const std::string shared = config::shared_stages_text(config::shared_stages_of(*source));
  if (!shared.empty()) data->remarks.push_back(shared);
  return data;
}

Result<std::string> ReportDesk::render(const std::string& selector, const report::ReportOptions& options) {
  auto data = read(selector);
  if (!data.ok()) return data.status();
  return report::render(*std::move(data), options);
}

Result<std::string> ReportDesk::compare(const std::string& selector, const std::vector<std::string>& compared,
                                        report::ReportOptions options) {
  if (compared.size() != 2) return invalid("compare takes two variants or two sweeps, not ", compared.size());
  if (compared[0] == compared[1])
    return invalid("compare: both sides are '", compared[0], "'; name two variants of one sweep, or two sweeps");
  const auto data = read(selector);
  if (!data.ok()) return data.status();
  const auto variants = report::variants_of(*data);
  const auto is_variant = [&](const std::string& word) { return std::ranges::find(variants, word) != variants.end(); };
  if (is_variant(compared[0]) && is_variant(compared[1])) {
    options.selection.variants = {compared[0]};
    options.selection.baseline = compared[1];
    return report::render(*data, options);
  }
  const auto first = read(compared[0]), second = read(compared[1]);
  if (!first.ok() || !second.ok()) {
    return invalid("compare: '", compared[0], "' and '", compared[1], "' are neither two variants of sweep ",
                   data->sweep.id, " (", report::quoted(variants),
                   ") nor two sweeps: ", (first.ok() ? second : first).status().message());
  }
  const auto pair = report::pair_sweeps(*first, *second);
  if (!pair.ok()) return pair.status();
  return report::render(*pair, options);
}

Result<SweepRead> ReportDesk::read_sweep(const std::string& selector) {
  auto read = read_part(selector, {});
  if (!read.ok()) return read;
  report::note_trained_again(read->trained_again, read->data.trials);
  return read;
}

Result<SweepRead> ReportDesk::read_part(const std::string& selector, const store::RowRange& range) {
  const auto id = find(selector);
  if (!id.ok()) return id.status();
  auto rows = reader_->rows_of(*id, range);
  if (!rows.ok()) return rows.status();
  auto source = histories_->source(*id);
  if (!source.ok()) return source.status();
  return SweepRead{std::move(rows->data), *std::move(source), rows->next, std::move(rows->trained_again)};
}

Result<std::vector<report::TrialHistory>> ReportDesk::histories(const std::vector<TrialId>& trials) {
  AUTONORM_RETURN_IF_ERROR(open());
  return histories_->histories(trials);
}

Result<std::map<TrialId, double>> ReportDesk::durations_s(const std::set<TrialId>& trials) {
  AUTONORM_RETURN_IF_ERROR(open());
  return reader_->durations_s(trials);
}

Result<std::map<TrialId, double>> ReportDesk::results(const std::set<TrialId>& trials, const std::string& metric) {
  AUTONORM_RETURN_IF_ERROR(open());
  return reader_->results(trials, metric);
}

bool ReportDesk::something_runs() {
  if (!open().ok()) return false;
  const auto runs = reader_->something_runs();
  return runs.ok() && *runs;
}

}  // namespace autonorm::server
