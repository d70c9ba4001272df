// Folding a trained model: each norm that ends with a scale and a shift hands them to the Linear that alone reads its
// output (normalization.md 7). The folded model computes the same function with less work, for inference.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/models/model.h"

namespace autonorm::models {

struct FoldedSite {
  std::string site;    // "blocks.0.pre_attn"
  std::string linear;  // "blocks.0.attn.qkv"
};
struct FoldedModel {
  config::TrialConfig config;  // of the folded model: norms are `none` or without their affine part
  std::unique_ptr<Model> model;
  std::vector<FoldedSite> sites;
};

// `trained` stays as it is. kInvalid when no norm of the model can be folded, with the reason.
Result<FoldedModel> fold(const config::TrialConfig& config, const Model& trained, const InputShape& input);

}  // namespace autonorm::models
