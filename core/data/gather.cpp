#include <ATen/core/Tensor.h>

#include "core/data/dataset.h"
#include "core/kernels/gather_normalize.h"

namespace autonorm::data {

at::Tensor gather_images(const Split& split, const at::Tensor& indices, double scale) {
  const auto home = split.images.device();
  // A set that stays in host memory is gathered there and only the batch travels.
  if (home != indices.device()) {
    return kernels::gather_normalize(split.images, indices.to(home), scale, at::kFloat).to(indices.device());
  }
  return kernels::gather_normalize(split.images, indices, scale, at::kFloat);  // [B, C, H, W]
}

}  // namespace autonorm::data
