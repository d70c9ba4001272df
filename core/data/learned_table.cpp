#include "core/data/learned_table.h"

#include <algorithm>
#include <cmath>

#include "core/data/data_files.h"

namespace autonorm::data {
namespace {

constexpr double kLargestClass = 255;

// Every target is a class; → how many there are.
Result<int64_t> count_classes(const Table& table, int64_t target, const std::string& file) {
  double largest = 0;
  for (int64_t row = 0; row < table.rows(); ++row) {
    const double value = table.at(row, target);
    if (!(value >= 0 && value <= kLargestClass && value == std::floor(value))) {
      return invalid(file, ": line ", table.lines[static_cast<size_t>(row)], ", ", table.column_text(target),
                     ": expected a class, a whole number from 0 to 255, found ", value,
                     "; data.task = \"regression\" learns real numbers");
    }
    largest = std::max(largest, value);
  }
  if (largest == 0) return invalid(file, ": ", table.column_text(target), " has one class, 0; expected two or more");
  return static_cast<int64_t>(largest) + 1;
}

}  // namespace

Result<std::filesystem::path> find_table(const std::string& configured,
                                         const std::vector<std::filesystem::path>& roots) {
  if (configured.empty()) return invalid("data.path: the CSV file is missing");
  const std::filesystem::path path(configured);
  std::vector<std::filesystem::path> folders;
  if (path.is_absolute()) {
    folders.push_back(path.parent_path());
  } else {
    for (const auto& root : roots) folders.push_back(root / path.parent_path());
  }
  const std::string name = path.filename().string();
  const auto files = find_files(configured, {name}, folders);
  if (!files.ok()) return files.status();
  return files->at(name);
}

Result<LearnedTable> read_learned_table(const config::DataConfig& config, const std::filesystem::path& file) {
  auto table = read_table(file);
  if (!table.ok()) return table.status();
  if (!config.sha256.empty() && config.sha256 != table->digest.value()) {
    return invalid(file.string(), ": wrong content: data.sha256 expects ", config.sha256, ", found ", table->digest);
  }
  const auto target = find_column(*table, config.target);
  if (!target.ok()) return target.status().with_context(file.string());
  LearnedTable learned{.table = *std::move(table), .target = *target, .classes = 1};
  if (config.task == config::Task::kRegression) return learned;
  const auto classes = count_classes(learned.table, learned.target, file.string());
  if (!classes.ok()) return classes.status();
  learned.classes = *classes;
  return learned;
}

}  // namespace autonorm::data
