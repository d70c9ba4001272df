// The parts of a TrialConfig as JSON: every key in use, defaults filled in. Internal to the resolved and canonical
// forms.
#pragma once
#include <nlohmann/json.hpp>

#include "core/config/trial_config.h"

namespace autonorm::config {

// kIdentity leaves execution keys out.
enum class Keys { kAll, kIdentity };

nlohmann::json write_data(const DataConfig& config, Keys which = Keys::kAll);
nlohmann::json write_model(const ModelConfig& config, Keys which = Keys::kAll);
nlohmann::json write_norm(const NormConfig& config, Keys which = Keys::kAll);
nlohmann::json write_train(const TrainConfig& config, Keys which = Keys::kAll);
nlohmann::json write_run(const RunConfig& config);

}  // namespace autonorm::config
