#include "coordinator/cli/table_check.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "core/base/text.h"
#include "core/data/learned_table.h"

namespace autonorm::cli {
namespace {

constexpr uintmax_t kMaxBytes = uintmax_t{64} << 20;  // of all files together: about a second

class TableChecker {
 public:
  TableChecker(const std::string& path, const std::vector<std::filesystem::path>& roots, config::Sweep& sweep)
      : path_(path), roots_(roots), sweep_(sweep) {}

  Status run() {
    const config::TrialConfig* last = nullptr;
    for (const config::PlannedTrial& trial : sweep_.trials) {
      if (trial.common.get() == last) continue;  // another seed
      last = trial.common.get();
      if (last->data.source == config::DataSource::kCsv) check(last->data);
    }
    if (errors_.empty()) return {};
    return invalid(join(std::vector<std::string>(errors_.begin(), errors_.end()), "\n"));
  }

 private:
  void check(const config::DataConfig& data) {
    if (std::ranges::find(seen_, data) != seen_.end()) return;
    seen_.push_back(data);
    const auto file = data::find_table(data.path, roots_);
    if (!file.ok()) return warning(data, "there is no such file on this machine");
    std::error_code failure;
    const uintmax_t bytes = std::filesystem::file_size(*file, failure);
    if (failure || bytes > kMaxBytes - read_) {
      return warning(data, cat("the sweep's tables are more than ", kMaxBytes >> 20, " MiB"));
    }
    read_ += bytes;
    const auto table = data::read_learned_table(data, *file);
    if (!table.ok()) error(cat("data.path = '", data.path, "': ", table.status().message()));
  }

  void error(const std::string& text) { errors_.insert(cat(path_, ": error: ", text)); }
  void warning(const config::DataConfig& data, const std::string& why) {
    sweep_.warnings.push_back(cat(path_, ": warning: data.path = '", data.path, "' is not checked here: ", why,
                                  "; a trial checks every cell when it loads the table"));
  }

  const std::string& path_;
  const std::vector<std::filesystem::path>& roots_;
  config::Sweep& sweep_;
  std::vector<config::DataConfig> seen_;
  uintmax_t read_ = 0;
  std::set<std::string> errors_;
};

}  // namespace

Status check_tables(const std::string& path, const std::vector<std::filesystem::path>& roots, config::Sweep& sweep) {
  return TableChecker(path, roots, sweep).run();
}

}  // namespace autonorm::cli
