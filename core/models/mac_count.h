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

// A masked autoencoder without its norms: the patches' embedding, both stacks of blocks, decoder embedding, prediction.
struct MaeShape {
  int64_t dim = 0, depth = 0, hidden = 0;
  int64_t tokens = 0;  // that the encoder sees, cls included
  int64_t patches = 0, patch_dim = 0;
  int64_t decoder_dim = 0, decoder_depth = 0, decoder_hidden = 0;
  int64_t decoder_tokens = 0;  // cls included
};
int64_t mae_macs(const MaeShape& shape);

// A perceptron without its norms.
struct MlpShape {
  int64_t features = 0, hidden = 0, layers = 1, classes = 0;
};
int64_t mlp_macs(const MlpShape& shape);

// The AutoNorm project's transformer without its norms: patch convolution or one Linear for tables, `depth` MLP blocks
// with squeeze-and-excitation (and attention, in the corrected form), head.
struct AutoNormShape {
  int64_t dim = 128, depth = 12, hidden = 512;
  int64_t patches = 0, patch_dim = 0;  // images; patches = 0 for tables
  int64_t features = 0;                // tables: one token of this many features
  int64_t outputs = 10;
  bool attention = false;
};
int64_t autonorm_macs(const AutoNormShape& shape);

}  // namespace autonorm::models
