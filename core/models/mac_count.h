// Analytic multiply-accumulates of one forward pass of one sample, by the conventions of core/norms/mac_rules.h
// (models-and-recipes.md 3). Norms are counted by themselves (Norm::macs) except where a structure fixes them.
#pragma once
#include <cstdint>

namespace autonorm::models {

// A pre-norm ViT without its norms: (4 + 2m)·d²·T·L + 2·T²·d·L + patch_dim·d·patches + d·classes, m = hidden / d.
struct VitShape {
  int64_t dim = 0, depth = 0, hidden = 0;
  int64_t tokens = 0;  // T, cls included
  int64_t patches = 0, patch_dim = 0;
  int64_t classes = 0;
};
int64_t vit_macs(const VitShape& shape);

// A perceptron without its norms.
struct MlpShape {
  int64_t features = 0, hidden = 0, layers = 1, classes = 0;
};
int64_t mlp_macs(const MlpShape& shape);

// The AutoNorm project's transformer: patch convolution or one Linear for tables, optionally one NormSelector after the
// embedding, `depth` residual MLP blocks with squeeze-and-excitation, LayerNorm after the embedding (alone or as the
// selector's branch) and after each block, head.
struct AutoNormShape {
  int64_t dim = 128, depth = 12, mlp_ratio = 4;
  int64_t patches = 0, patch_dim = 0;  // images; patches = 0 for tables
  int64_t features = 0;                // tables: one token of this many features
  int64_t outputs = 10;
  bool selector = false;
};
int64_t autonorm_transformer_macs(const AutoNormShape& shape);

}  // namespace autonorm::models
