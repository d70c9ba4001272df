// A trained model from the final checkpoint of a stage.
#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
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
// `wanted`: only names that it accepts; null: all.
Status load_parameters(const checkpoint::NamedTensors& tensors, norms::ParameterTable& table,
                       const std::function<bool(const std::string& name)>& wanted = nullptr);

// The teacher's logits on every sample of `split`, [n, classes] float32 on the split's device. Training images are not
// augmented, so each sample needs its teacher once and not once per epoch. No gradient.
at::Tensor teacher_logits(models::Model& teacher, const data::Split& split, const data::PixelScale& scale,
                          uint64_t seed);

}  // namespace autonorm::train
