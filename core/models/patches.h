// Images as rows of patches.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/base/status.h"
#include "core/models/model.h"

namespace autonorm::models {

// kInvalid when the patch does not divide the image.
Status check_patch(int64_t patch, const InputShape& input);

// [B, ch, H, W] → [B, (H/p)·(W/p), ch·p·p], a patch laid out as (channel, row, column): a convolution's kernel of p × p
// with stride p, flattened.
at::Tensor image_patches(const at::Tensor& images, int64_t patch);

}  // namespace autonorm::models
