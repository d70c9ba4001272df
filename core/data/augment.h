// Crops and flips of training images. CropFlip: random resized crop and flip (torchvision's RandomResizedCrop and
// RandomHorizontalFlip, as the MAE repository pretrains): a piece of crop_min to 1 of the image's area and of an aspect
// ratio from 3/4 to 4/3, drawn as ln r, at a random place, resized bicubically to the image's size; then mirrored for
// half of the samples.
//
// Random numbers  (seed, "augment"; step, micro-batch, global sample): they do not depend on ranks or on resuming
// Differs from torchvision at a piece's edge: the kernel reads the image's pixels beyond it, not its edge repeated; no
// antialiasing, as a piece is never larger than its result
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/base/philox.h"
#include "core/data/dataset.h"

namespace autonorm::data {

// A piece of an image of whole pixels.
struct Crop {
  int64_t top = 0, left = 0, height = 0, width = 0;
  bool flip = false;
};

class CropFlip {
 public:
  // `crop_min` in (0, 1]
  CropFlip(uint64_t seed, double crop_min) : stream_(seed, "augment", "crop_flip"), crop_min_(crop_min) {}
  // Of one sample; ten tries, then the largest piece of an allowed ratio in the middle.
  Crop draw(int64_t sample, uint32_t step, uint32_t micro_batch, int64_t height, int64_t width) const;
  // images [B, C, H, W] float on any device, `samples` their global indices [B] → likewise, within `scale`'s range
  at::Tensor operator()(const at::Tensor& images, const std::vector<int64_t>& samples, uint32_t step,
                        uint32_t micro_batch, const PixelScale& scale) const;

 private:
  RandomStream stream_;
  double crop_min_;
};

// torchvision's RandomCrop(size, padding = 4), the usual augmentation of CIFAR, and RandomHorizontalFlip where `flips`:
// black beyond the edge. Random numbers as above.
class PadCrop {
 public:
  static constexpr int64_t kPadding = 4;
  struct Shift {
    int64_t down = 0, right = 0;  // how far the image moves, − kPadding … kPadding
    bool flip = false;            // after moving
  };
  PadCrop(uint64_t seed, bool flips) : stream_(seed, "augment", "pad_crop"), flips_(flips) {}
  Shift draw(int64_t sample, uint32_t step, uint32_t micro_batch) const;
  // As CropFlip's.
  at::Tensor operator()(const at::Tensor& images, const std::vector<int64_t>& samples, uint32_t step,
                        uint32_t micro_batch, const PixelScale& scale) const;

 private:
  RandomStream stream_;
  bool flips_;
};

// images [B, C, H, W] float → the pieces resized to H x W, bicubic (a = −0.75), not clamped
at::Tensor resized_crops(const at::Tensor& images, const std::vector<Crop>& crops);

}  // namespace autonorm::data
