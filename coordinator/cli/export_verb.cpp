#include <filesystem>
#include <fstream>
#include <map>

#include "coordinator/cli/archive.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/wording.h"
#include "coordinator/export/json_lines.h"
#include "coordinator/export/tables.h"
#include "coordinator/export/tensorboard_run.h"
#include "coordinator/report/selection.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

namespace fs = std::filesystem;

// Of the trials that are read in one go: a long training may have tens of thousands of points.
constexpr size_t kTrialsAtATime = 50;

// Files of one export, each kept open; failures are remembered until the end.
class Files {
 public:
  explicit Files(fs::path folder) : folder_(std::move(folder)) {}

  void append(const fs::path& name, const std::string& text) {
    auto [file, is_new] = open_.try_emplace(name.string());
    if (is_new) {
      std::error_code error;
      fs::create_directories((folder_ / name).parent_path(), error);
      file->second.open(folder_ / name, std::ios::binary | std::ios::trunc);
    }
    file->second << text;
  }
  // A header only where the file begins.
  void append_table(const std::string& name, const report::TidyTable& table) {
    const std::string text = report::csv_text(table);
    append(name, open_.contains(name) ? text.substr(text.find("\r\n") + 2) : text);
  }
  // A file of its own that is complete with this.
  void write(const fs::path& name, const std::string& bytes) {
    append(name, bytes);
    close(name.string());
  }
  Status finish() {
    while (!open_.empty()) close(open_.begin()->first);
    return std::move(status_);
  }
  size_t written() const { return written_; }

 private:
  void close(const std::string& name) {
    std::ofstream& file = open_.at(name);
    file.close();
    if (!file && status_.ok())
      status_ = invalid("cannot write ", (folder_ / name).string(), "; name another folder with --out");
    ++written_;
    open_.erase(name);
  }

  const fs::path folder_;
  std::map<std::string, std::ofstream> open_;
  Status status_;
  size_t written_ = 0;
};

void export_trial(const report::ReportData& data, const report::TrialRow& row, const report::TrialHistory& history,
                  ExportFormat format, const exporting::RunFolders& folders, Files& files) {
  switch (format) {
    case ExportFormat::kTensorboard:
      return files.write(fs::path(folders.of(row)) / exporting::event_file_name(row, history),
                         exporting::event_file_bytes(row, history));
    case ExportFormat::kJsonLines:
      return files.append("trials.jsonl", exporting::json_line(data.sweep, row, history));
    case ExportFormat::kCsv:
      const auto keys = report::label_keys_of(data);
      files.append_table("curves.csv", exporting::curve_table(row, history, keys));
      files.append_table("norms.csv", exporting::norm_table(row, history, keys));
      files.append_table("attempts.csv", exporting::attempt_table(row, history, keys));
  }
}

Status export_rows(Archive& archive, const report::ReportData& data, ExportFormat format, Files& files) {
  const exporting::RunFolders folders(data);
  for (size_t from = 0; from < data.trials.size(); from += kTrialsAtATime) {
    const size_t to = std::min(data.trials.size(), from + kTrialsAtATime);
    std::vector<TrialId> trials;
    for (size_t i = from; i < to; ++i) trials.push_back(data.trials[i].trial);
    const auto histories = archive.histories(trials);
    if (!histories.ok()) return histories.status();
    for (size_t i = from; i < to; ++i)
      export_trial(data, data.trials[i], (*histories)[i - from], format, folders, files);
  }
  return {};
}

Status export_sweep(const Export& options, const std::string& coordinator, Environment& environment) {
  const auto archive = open_archive(options.place, coordinator, environment);
  if (!archive.ok()) return archive.status();
  auto read = (*archive)->read_sweep(options.sweep);
  if (!read.ok()) return read.status();
  const auto data = report::select(std::move(read->data), options.how);
  if (!data.ok()) return data.status();
  if (data->trials.empty()) return invalid("sweep ", data->sweep.id, " has no trials to export");
  Files files(options.out);
  if (options.format == ExportFormat::kCsv) {
    files.write("trials.csv", report::csv_text(report::tidy_trials(*data)));
    files.write("comparison.csv", report::comparison_csv(*data, report::compare(*data, options.how)));
  }
  AUTONORM_RETURN_IF_ERROR(export_rows(**archive, *data, options.format, files));
  AUTONORM_RETURN_IF_ERROR(files.finish());
  environment.out << count_text(static_cast<int64_t>(files.written()), "file") << " in " << options.out;
  if (options.format == ExportFormat::kTensorboard)
    environment.out << "; look at them with: tensorboard --logdir " << options.out;
  environment.out << '\n';
  return {};
}

}  // namespace

int export_results(const Export& options, const std::string& coordinator, Environment& environment) {
  const Status status = export_sweep(options, coordinator, environment);
  environment.out << std::flush;
  return status.ok() ? kOk : fail(environment, status);
}

}  // namespace autonorm::cli
