// Images and labels as they lie in data files: bytes without a tensor library.
#pragma once
#include <cstdint>
#include <vector>

#include "core/base/ids.h"

namespace autonorm::data {

struct RawImages {
  int64_t channels = 1, height = 0, width = 0;
  std::vector<uint8_t> pixels;          // [n, channels, height, width]
  std::vector<uint8_t> labels;          // [n]
  Sha256 images_digest, labels_digest;  // of the unpacked files; the same one where both come from one file

  int64_t count() const { return static_cast<int64_t>(labels.size()); }
  int64_t pixels_per_image() const { return channels * height * width; }
};

}  // namespace autonorm::data
