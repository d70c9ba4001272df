// A trained model from the final checkpoint of a stage.
#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "core/checkpoint/checkpoint.h"
#include "core/data/dataset.h"
#include "core/models/model.h"

namespace autonorm::train {

// Rebuilds the model that the checkpoint's own configuration describes and loads its weights, on the CPU. kInvalid
// names the folder and what does not fit.
Result<std::unique_ptr<models::Model>> load_trained(const std::filesystem::path& folder,
                                                    const models::InputShape& input);

// Copies "model.NAME" and "buffer.NAME" of `tensors` into the table. kInvalid: one is missing or has another shape.
Status load_parameters(const checkpoint::NamedTensors& tensors, norms::ParameterTable& table);

// The teacher's logits on every sample of `split`, [n, classes] float32 on the split's device. Training images are not
// augmented, so each sample needs its teacher once and not once per epoch. No gradient.
at::Tensor teacher_logits(models::Model& teacher, const data::Split& split, double scale, uint64_t seed);

}  // namespace autonorm::train
