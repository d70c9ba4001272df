// Random operations on training images (image_ops.h), between cropping and erasing.
//
//   rand_augment  Cubuk et al. 2020 as timm's "rand-mM-nN-mstdS", with increasing "…-inc1": N times an operation,
//                 each of 15 with the same probability, applied with probability one half with the arguments of a
//                 magnitude ~ N(M, S), clipped to [0, 10], and of a random sign where it has two
//   auto_augment  the policy of Cubuk et al. 2019 for CIFAR-10 with torchvision's arguments: one of 25 pairs
//
// Random numbers  (seed, "augment"; step, micro-batch, global sample): they do not depend on ranks or on resuming
// Differs from its sources between pixels and beyond the edge: bilinear and grey (timm: bilinear or bicubic at random,
// and bicubic with the data's mean colour where MAE is finetuned; torchvision: nearest, black)
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/philox.h"
#include "core/config/trial_config.h"
#include "core/data/dataset.h"
#include "core/data/image_ops.h"

namespace autonorm::data {

struct DrawnOp {
  ImageOp op{};
  double argument = 0;  // as ImageOp says; 0 where it has none
};
// One per layer, in order; empty where the layer leaves the image as it is.
using DrawnOps = std::vector<std::optional<DrawnOp>>;

class ImagePolicy {
 public:
  // config.policy is not kNone.
  ImagePolicy(uint64_t seed, const config::TrainConfig& config);
  int64_t layers() const { return layers_; }
  // Of one sample.
  DrawnOps draw(int64_t sample, uint32_t step, uint32_t micro_batch, int64_t height, int64_t width) const;
  // images [B, C, H, W] float within `scale`'s range on any device, C 1 or 3, `samples` their global indices [B] →
  // likewise. Images with an operation are rounded to bytes, 0 … 255, and computed on the host; the others stay.
  at::Tensor operator()(const at::Tensor& images, const std::vector<int64_t>& samples, uint32_t step,
                        uint32_t micro_batch, const PixelScale& scale) const;

 private:
  RandomStream stream_;
  bool learned_;    // auto_augment
  int64_t layers_;  // at most 16
  double magnitude_, deviation_;
  bool increasing_;
};

}  // namespace autonorm::data
