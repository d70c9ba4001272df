#include "worker/trainer/dataset_cache.h"

namespace autonorm::trainer {

Result<const data::Dataset*> DatasetCache::get(const config::DataConfig& config) {
  if (config_ == config) return &dataset_;
  config_.reset();
  dataset_ = {};  // before the next one is loaded, so that two never lie in memory together
  auto loaded = data::load_dataset(config, roots_);
  if (!loaded.ok()) return loaded.status();
  dataset_ = *std::move(loaded);
  config_ = config;
  return &dataset_;
}

}  // namespace autonorm::trainer
