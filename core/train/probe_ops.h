// The operations of a probe, one per part of the catalogue; formats as in probe.h.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/status.h"
#include "core/train/probe_tensors.h"

namespace autonorm::train {

Status probe_norm(const nlohmann::json& spec, ProbeInput& input, checkpoint::NamedTensors& out);
Result<std::string> norm_names(const nlohmann::json& spec);

Status probe_model(const nlohmann::json& spec, ProbeInput& input, checkpoint::NamedTensors& out);
Result<std::string> model_names(const nlohmann::json& spec);

Status probe_optimizer(const nlohmann::json& spec, ProbeInput& input, checkpoint::NamedTensors& out);
Status probe_schedule(const nlohmann::json& spec, ProbeInput& input, checkpoint::NamedTensors& out);
Status probe_loss(const nlohmann::json& spec, ProbeInput& input, checkpoint::NamedTensors& out);
Status probe_augment(const nlohmann::json& spec, ProbeInput& input, checkpoint::NamedTensors& out);
Status probe_corruption(const nlohmann::json& spec, ProbeInput& input, checkpoint::NamedTensors& out);

}  // namespace autonorm::train
