// Folding: the scale and shift that a norm's evaluation ends with go into the Linear behind it (normalization.md 7).
#pragma once
#include <optional>
#include <string>

#include "core/config/trial_config.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

// The norm that is left: `none` where evaluation is a scale and a shift altogether, else the same without its affine
// part. A selector whose weights are constants (gate fixed or static) folds where all the branches that count become
// `none`, or where only one counts. nullopt: nothing to fold (dtn, other selectors, none, an affine part that is not
// there). REQUIRES for use: Norm::fold() of the norm has a value exactly where this has one.
std::optional<config::NormConfig> folded_config(const config::NormConfig& norm);

// Why folded_config() has nothing, for people: "gate 'softmax' weighs the branches anew for each input".
std::string fold_obstacle(const config::NormConfig& norm);

// y = scale ⊙ h + shift before a Linear h ↦ W h + b:  W' = W · diag(scale), b' = W · shift + b. weight [out, C] and
// bias [out] in place.
void fold_into_linear(const Fold& fold, const at::Tensor& weight, const at::Tensor& bias);

// y = scale ⊙ (W x + b) + shift, the norm behind a Linear or convolution:  W' = diag(scale) · W, b' = scale ⊙ b +
// shift. weight [C, in, …] and bias [C] in place.
void fold_into_linear_before(const Fold& fold, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace autonorm::norms
