#include "core/models/patches.h"

namespace autonorm::models {

Status check_patch(int64_t patch, const InputShape& input) {
  if (input.height % patch == 0 && input.width % patch == 0) return {};
  return invalid("model.patch = ", patch, " does not divide the images of ", input.height, "x", input.width,
                 " pixels; choose a common divisor of both sides");
}

at::Tensor image_patches(const at::Tensor& images, int64_t patch) {
  const int64_t channels = images.size(1), rows = images.size(2) / patch, columns = images.size(3) / patch;
  return images.reshape({images.size(0), channels, rows, patch, columns, patch})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({images.size(0), rows * columns, channels * patch * patch});
}

}  // namespace autonorm::models
