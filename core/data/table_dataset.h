// A CSV file (data.kind = "csv") as a data set of classes or real targets.
//
//   test   the first ⌈test_fraction · n⌉ lines of scikit-learn's train_test_split with random_state 42
//   x      (x − mean) / deviation of each column over the training split, biased deviation; 1 for a constant column
//   y      a class 0, 1, …, or with data.task = "regression" (y − mean) / deviation likewise, if wanted
#pragma once
#include "core/data/dataset.h"

namespace autonorm::data {

// As load_dataset(). kInvalid also for a class that is no whole number from 0 to 255, naming line and column.
Result<Dataset> load_table(const config::DataConfig& config, const DataRoots& roots);

}  // namespace autonorm::data
