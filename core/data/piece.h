// A rectangle of whole pixels within an image.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace autonorm::data {

struct Piece {
  int64_t top = 0, left = 0, height = 0, width = 0;
  int64_t area() const { return height * width; }
  // images […, H, W] → […, height, width], a view
  at::Tensor of(const at::Tensor& images) const { return images.narrow(-2, top, height).narrow(-1, left, width); }
};

}  // namespace autonorm::data
