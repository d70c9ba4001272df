#include <ATen/core/Tensor.h>

#include "core/data/dataset.h"
#include "core/kernels/gather_normalize.h"

namespace autonorm::data {
namespace {

// [B, C, H, W] on the images' own device
at::Tensor gathered(const at::Tensor& images, const at::Tensor& indices, const PixelScale& scale) {
  if (images.scalar_type() == at::kFloat) return images.index_select(0, indices);  // of a table, or corrupted
  if (scale.range == config::PixelRange::kSigned) {
    return kernels::gather_normalize(images, indices, scale.white, at::kFloat);
  }
  return images.index_select(0, indices).to(at::kFloat).div_(scale.white);
}

}  // namespace

at::Tensor gather_images(const Split& split, const at::Tensor& indices, const PixelScale& scale) {
  const auto home = split.images.device();
  // A set that stays in host memory is gathered there and only the batch travels.
  if (home != indices.device()) return gathered(split.images, indices.to(home), scale).to(indices.device());
  return gathered(split.images, indices, scale);
}

}  // namespace autonorm::data
