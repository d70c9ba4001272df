// MixUp (Zhang et al. 2018) and CutMix (Yun et al. 2019) as timm's Mixup in mode "batch": one share λ for a
// micro-batch, each image with that of the mirrored place in it.
//
//   mixup    x ← λ x + (1 − λ) x',  λ ~ Beta(mixup, mixup)
//   cutmix   in x a box of x' of height ⌊H √(1 − λ)⌋ and width ⌊W √(1 − λ)⌋ around a random pixel, clipped to the
//            image; λ ~ Beta(cutmix, cutmix), then 1 − the box's share of the area
//   loss     λ · loss(y) + (1 − λ) · loss(y'): that of the mixed soft label
//
// Random numbers  (seed, "augment"; step, micro-batch): they do not depend on ranks or on resuming
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/base/philox.h"
#include "core/config/trial_config.h"
#include "core/data/piece.h"

namespace autonorm::data {

struct Mix {
  double share = 1;  // λ of an image's own label; 1: nothing is mixed
  bool cuts = false;
  Piece box;  // of cutmix
};

class Mixing {
 public:
  Mixing(uint64_t seed, const config::TrainConfig& config);
  Mix draw(uint32_t step, uint32_t micro_batch, int64_t height, int64_t width) const;

 private:
  double beta(double alpha, uint32_t step, uint32_t micro_batch) const;

  RandomStream choice_, first_, second_;
  double mixup_, cutmix_, probability_, switch_;
};

// images, partners [B, C, H, W] → likewise
at::Tensor mixed(const at::Tensor& images, const at::Tensor& partners, const Mix& mix);

}  // namespace autonorm::data
