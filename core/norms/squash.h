// The squashing functions that Derf compares (arXiv 2512.10938, its `other_functions`), all odd:
//
//   erf, tanh, arctan (2/π · atan u), tanh_1205  tanh(1.205 u)
//   satursin       sin(clip(u, ±π/2))               arcsinhclip   clip(asinh u, ±1)
//   exproot        sgn(u) (1 − e^{−√|u|})           expsign       sgn(u) (1 − e^{−|u|})
//   logsign_clip   clip(sgn(u) ln(|u| + 1), ±1)     logquad_clip  clip(sgn(u) ln(u² + 1), ±1)
//   smoothsign     u / (1 + |u|)                    isru          u / √(u² + 1)
//   relsign        u / (√(u² + 1) + 1)              linear_clip   clip(u, ±1)
//   power23_clip   clip(sgn(u) |u|^{2/3}, ±1)       cubsign       u³ / (|u|³ + 1)
//   saturlog       sgn(u) L / (L + 1), L = ln(|u| + 1)
//
// exproot and power23_clip have infinite slope at 0: within |u| < 1e-6 they are the straight line through the origin
// that meets them at 1e-6 (slopes 1000 and 100).
#pragma once
#include <ATen/core/Tensor.h>

#include "core/config/trial_config.h"

namespace autonorm::norms {

// Element by element, differentiable; composed of dispatcher operators, so it runs under vmap.
at::Tensor squash(config::Squash function, const at::Tensor& u);

}  // namespace autonorm::norms
