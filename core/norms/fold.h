// Folding: the scale and shift that a norm's evaluation ends with go into the Linear behind it (normalization.md 7).
#pragma once
#include <optional>

#include "core/config/trial_config.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

// The norm that is left: `none` where evaluation is a scale and a shift altogether, else the same without its affine
// part. nullopt: nothing to fold (dtn, selector, none, an affine part that is not there).
// REQUIRES for use: Norm::fold() of the norm has a value exactly where this has one.
std::optional<config::NormConfig> folded_config(const config::NormConfig& norm);

// y = scale ⊙ h + shift before a Linear h ↦ W h + b:  W' = W · diag(scale), b' = W · shift + b. weight [out, C] and
// bias [out] in place.
void fold_into_linear(const Fold& fold, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace autonorm::norms
