// Keeps the data set of the latest trial in memory: a warm trainer's next trial mostly uses the same one.
#pragma once
#include <optional>

#include "core/data/dataset.h"

namespace autonorm::trainer {

// One thread.
class DatasetCache {
 public:
  explicit DatasetCache(data::DataRoots roots) : roots_(std::move(roots)) {}

  // Valid until the next call. Fails as load_dataset() does; a failure is not remembered.
  Result<const data::Dataset*> get(const config::DataConfig& config);

 private:
  const data::DataRoots roots_;
  std::optional<config::DataConfig> config_;  // of dataset_
  data::Dataset dataset_;
};

}  // namespace autonorm::trainer
