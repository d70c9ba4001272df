// Folding a trained model: each norm that ends with a scale and a shift hands them to the Linears that alone read its
// output (normalization.md 7), or, where it is nothing else, to the Linear or convolution before it. The folded model
// computes the same function with less work, for inference.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/models/model.h"

namespace autonorm::models {

struct FoldedSite {
  std::string site;                  // "blocks.0.pre_attn"
  std::vector<std::string> linears;  // "blocks.0.attn.qkv"
};
// A site of the family ("post_ffn") whose norms stay as they are.
struct KeptSite {
  std::string site;
  std::string why;  // "its output enters the residual stream"
};
struct FoldedModel {
  config::TrialConfig config;  // of the folded model: norms are `none` or without their affine part
  std::unique_ptr<Model> model;
  std::vector<FoldedSite> sites;
  std::vector<KeptSite> kept;
};

// `trained` stays as it is. All norms of a site fold, or none. kInvalid when no norm of the model can be folded, with
// the reason for each site.
Result<FoldedModel> fold(const config::TrialConfig& config, const Model& trained, const InputShape& input);

}  // namespace autonorm::models
