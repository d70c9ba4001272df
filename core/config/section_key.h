// The sections of a configuration as bytes: equal bytes are equal keys in use, so what was made from one serves the
// other. For memories within a process, never stored. Keys of different sections differ.
#pragma once
#include <string>

#include "core/config/trial_config.h"

namespace autonorm::config {

std::string data_key(const DataConfig& data);
std::string model_key(const ModelConfig& model);
std::string norm_key(const TrialConfig& config);   // norm and norm_sites, of this family
std::string train_key(const TrialConfig& config);  // with its inputs, of this family and task
std::string run_key(const RunConfig& run);

}  // namespace autonorm::config
