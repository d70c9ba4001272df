// Random erasing (Zhong et al. 2020; timm's mode "pixel", one piece): a piece of 2 % to a third of an image's area and
// of an aspect ratio from .3 to 1/.3, drawn as ln r, at a random place, becomes standard normal noise in the scale that
// the model sees.
//
// Random numbers  (seed, "augment"; step, micro-batch, global sample): they do not depend on ranks or on resuming
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/base/philox.h"
#include "core/data/piece.h"

namespace autonorm::data {

class Erasing {
 public:
  Erasing(uint64_t seed, double share);  // of the images, in [0, 1]
  // Of one sample; empty where it stays whole: not drawn, or no piece in ten tries is smaller than the image.
  Piece draw(int64_t sample, uint32_t step, uint32_t micro_batch, int64_t height, int64_t width) const;
  // images [B, C, H, W] float on any device, changed in place; `samples` their global indices [B]
  void operator()(const at::Tensor& images, const std::vector<int64_t>& samples, uint32_t step,
                  uint32_t micro_batch) const;

 private:
  RandomStream choice_, noise_;
  double share_;
};

}  // namespace autonorm::data
