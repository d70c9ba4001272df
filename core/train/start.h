// The trained weights of a stage as the start of a trial with the same model, whose norms may be of other kinds, or of
// a ViT that goes on with the encoder of a masked autoencoder (finetuning, models-and-recipes.md 2.7).
#pragma once
#include <filesystem>

#include "core/base/status.h"
#include "core/config/trial_config.h"
#include "core/models/model.h"

namespace autonorm::train {

// Copies every parameter and buffer of the checkpoint into `model` (on the CPU), but those of norms whose kind, or
// whose names and shapes of tensors, differ between the checkpoint and `config`, the counters of warm-ups (unless
// train.start.keep_counters), and the head of a ViT that starts from a masked autoencoder: they keep their initial
// values. With train.start.head_only nothing but the head and these norms learns; running statistics of the other norms
// go on. kInvalid names what does not fit.
Status load_start(const std::filesystem::path& folder, const config::TrialConfig& config, models::Model& model);

}  // namespace autonorm::train
