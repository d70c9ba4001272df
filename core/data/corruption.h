// Corrupted images: of CIFAR-10-C (Hendrycks & Dietterich 2019) and MNIST-C (Mu & Gilmer 2019) those that need no
// pictures of their own. x in [0, 1], severity 1 to 5:
//
//   gaussian_noise  x + c N,                     c = .04 .06 .08 .09 .10      N standard normal, value by value
//   shot_noise      Poisson(c x) / c,            c = 500 250 100 75 50
//   impulse_noise   0 or 1 for a share c,        c = .01 .02 .03 .05 .07      of the values
//   speckle_noise   x + c x N,                   c = .06 .1 .12 .16 .2
//   gaussian_blur   deviation of c pixels,       c = .4 .6 .7 .8 1            cut at 4 deviations, edges repeated
//   contrast        (x − x̄) c + x̄,               c = .75 .5 .4 .3 .15         x̄ a channel's mean
//   brightness      c added to HSV's value,      c = .05 .1 .15 .2 .3
//   pixelate        down to a share c, and up,   c = .95 .9 .85 .75 .65       both by Pillow's box filter
//   rotate          by ± c radians,              c = .2 .4 .6 .8 1            bilinear, black outside
//   translate       by ± c pixels, both ways,    c = 1 2 3 4 5                black outside
//   shear           by ± c radians,              c = .2 .4 .6 .8 1            bilinear, black outside
//
// rotate, translate and shear are MNIST-C's, the others have CIFAR-10-C's constants. With the scale of MNIST-C:
//   gaussian_noise  .08 .12 .18 .26 .38    shot_noise  60 25 12 5 3    impulse_noise  .03 .06 .09 .17 .27
//   contrast        .4 .3 .2 .1 .05        brightness  .1 .2 .3 .4 .5  and the rest as above
// All are cut to [0, 1]; what the published sets then round to bytes stays as it is. Lengths are in pixels, so small
// images suffer more.
//
// Random numbers  (0, "corruption", name; severity, sample, value): the same for every trial, so that variants and
// seeds are judged on the same images
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/config/trial_config.h"
#include "core/data/dataset.h"

namespace autonorm::data {

inline constexpr int64_t kSeverities = 5;

// images [B, C, H, W] uint8 on any device, `white` the byte of full white; `first_sample`: place of the first image in
// its split. severity in 1 … kSeverities → [B, C, H, W] float32 in [0, 1] on the CPU
at::Tensor corrupted(const at::Tensor& images, double white, int64_t first_sample, config::Corruption corruption,
                     config::CorruptionScale constants, int64_t severity);

// A part of a split that begins at `first_sample`, in the scale that models see, on its device.
Split corrupted_split(const Split& split, int64_t first_sample, const PixelScale& scale, config::Corruption corruption,
                      config::CorruptionScale constants, int64_t severity);

}  // namespace autonorm::data
