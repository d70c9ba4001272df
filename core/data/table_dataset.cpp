#include "core/data/table_dataset.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "core/data/fixed_split.h"
#include "core/data/learned_table.h"
#include "core/data/numpy_permutation.h"

namespace autonorm::data {
namespace {

constexpr uint32_t kSplitState = 42;  // scikit-learn's random_state

using Rows = std::vector<int64_t>;

struct RowSplit {
  Rows train, val, test;  // ascending
};

struct Moments {
  double mean = 0, deviation = 1;
};

// Biased; deviation 1 where all values are equal.
Moments moments(const Table& table, int64_t column, const Rows& rows) {
  Moments result;
  const auto count = static_cast<double>(rows.size());
  for (const int64_t row : rows) result.mean += table.at(row, column) / count;
  double square = 0;
  for (const int64_t row : rows) square += std::pow(table.at(row, column) - result.mean, 2) / count;
  if (square > 0) result.deviation = std::sqrt(square);
  return result;
}

Rows rows_at(const Rows& positions, const Rows& rows) {
  Rows out;
  out.reserve(positions.size());
  for (const int64_t position : positions) out.push_back(rows[static_cast<size_t>(position)]);
  return out;
}

// A class of each row; 0 of a regression, where nothing is stratified.
std::vector<uint8_t> strata(const Table& table, int64_t target, bool real, const Rows& rows) {
  std::vector<uint8_t> out;
  out.reserve(rows.size());
  for (const int64_t row : rows) out.push_back(real ? uint8_t{0} : static_cast<uint8_t>(table.at(row, target)));
  return out;
}

RowSplit split_rows(const Table& table, int64_t target, const config::DataConfig& config) {
  const bool real = config.task == config::Task::kRegression;
  const Rows order = numpy_permutation(kSplitState, table.rows());
  const auto held_out =
      static_cast<std::ptrdiff_t>(std::ceil(config.test_fraction * static_cast<double>(table.rows())));
  RowSplit split;
  split.test.assign(order.begin(), order.begin() + held_out);
  Rows training(order.begin() + held_out, order.end());
  std::ranges::sort(split.test);
  std::ranges::sort(training);
  if (config.train_limit > 0 && config.train_limit < static_cast<int64_t>(training.size())) {
    const auto picked = pick_stratified(strata(table, target, real, training), config.train_limit, "csv/limit").picked;
    training = rows_at(picked, training);
  }
  const auto val = static_cast<int64_t>(std::llround(static_cast<double>(training.size()) * config.val_fraction));
  const IndexSplit parts = pick_stratified(strata(table, target, real, training), val, "csv/val");
  split.train = rows_at(parts.rest, training);
  split.val = rows_at(parts.picked, training);
  return split;
}

// Standardised values and labels of some rows.
class SplitMaker {
 public:
  SplitMaker(const Table& table, int64_t target, const Rows& training) : table_(table), target_(target) {
    for (int64_t column = 0; column < table.columns; ++column) {
      if (column != target) columns_.emplace_back(column, moments(table, column, training));
    }
  }

  int64_t features() const { return static_cast<int64_t>(columns_.size()); }

  // `real`: of a regression.
  Split make(const Rows& rows, const std::optional<RealTarget>& real) const {
    const auto count = static_cast<int64_t>(rows.size());
    Split split{.images = at::empty({count, 1, 1, features()}, at::kFloat),
                .labels = at::empty({count}, real ? at::kFloat : at::kLong)};
    auto* value = split.images.data_ptr<float>();
    for (const int64_t row : rows) {
      for (const auto& [column, m] : columns_) {
        *value++ = static_cast<float>((table_.at(row, column) - m.mean) / m.deviation);
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      const double y = table_.at(rows[static_cast<size_t>(i)], target_);
      if (real) {
        split.labels.data_ptr<float>()[i] = static_cast<float>((y - real->mean) / real->deviation);
      } else {
        split.labels.data_ptr<int64_t>()[i] = static_cast<int64_t>(y);
      }
    }
    return split;
  }

 private:
  const Table& table_;
  const int64_t target_;
  std::vector<std::pair<int64_t, Moments>> columns_;  // but the target's
};

}  // namespace

Result<Dataset> load_table(const config::DataConfig& config, const DataRoots& roots) {
  const auto file = find_table(config.path, roots.folders);
  if (!file.ok()) return file.status();
  const auto learned = read_learned_table(config, *file);
  if (!learned.ok()) return learned.status();
  const Table& table = learned->table;
  const int64_t target = learned->target;
  const bool real = config.task == config::Task::kRegression;
  Dataset dataset;
  dataset.name = config.path;
  dataset.classes = learned->classes;
  const RowSplit rows = split_rows(table, target, config);
  const SplitMaker maker(table, target, rows.train);
  if (real) {
    const Moments m = config.standardise_target ? moments(table, target, rows.train) : Moments{};
    dataset.real_target = RealTarget{.mean = m.mean, .deviation = m.deviation};
  }
  dataset.channels = dataset.height = 1;
  dataset.width = maker.features();
  dataset.fingerprint = table.digest;
  dataset.train = maker.make(rows.train, dataset.real_target);
  dataset.val = maker.make(rows.val, dataset.real_target);
  dataset.test = maker.make(rows.test, dataset.real_target);
  return dataset;
}

}  // namespace autonorm::data
