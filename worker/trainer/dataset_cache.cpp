#include "worker/trainer/dataset_cache.h"

#include <tuple>

namespace autonorm::trainer {
namespace {

auto key(const config::DataConfig& config) {
  return std::tie(config.source, config.path, config.sha256, config.val_fraction, config.train_limit);
}

}  // namespace

Result<const data::Dataset*> DatasetCache::get(const config::DataConfig& config) {
  if (config_ && key(*config_) == key(config)) return &dataset_;
  config_.reset();
  dataset_ = {};  // before the next one is loaded, so that two never lie in memory together
  auto loaded = data::load_dataset(config, roots_);
  if (!loaded.ok()) return loaded.status();
  dataset_ = *std::move(loaded);
  config_ = config;
  return &dataset_;
}

}  // namespace autonorm::trainer
