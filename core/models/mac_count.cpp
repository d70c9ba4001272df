#include "core/models/mac_count.h"

#include <algorithm>

#include "core/norms/mac_rules.h"

namespace autonorm::models {

using norms::linear_macs;
using norms::normalization_macs;
using norms::pool_macs;

int64_t vit_macs(const VitShape& s) {
  const int64_t projections = linear_macs(s.dim, 4 * s.dim, s.tokens);  // q, k, v, output
  const int64_t attention = 2 * s.tokens * s.tokens * s.dim;            // scores and weighted sum
  const int64_t ffn = 2 * linear_macs(s.dim, s.hidden, s.tokens);
  return s.depth * (projections + attention + ffn) + linear_macs(s.patch_dim, s.dim, s.patches) +
         linear_macs(s.dim, s.classes, 1);
}

int64_t mlp_macs(const MlpShape& s) {
  int64_t total = 0, in = s.features;
  for (int64_t i = 0; i < s.layers; ++i) {
    total += linear_macs(in, s.hidden, 1);
    in = s.hidden;
  }
  return total + linear_macs(in, s.classes, 1);
}

int64_t autonorm_transformer_macs(const AutoNormShape& s) {
  const bool image = s.patches > 0;
  const int64_t tokens = image ? s.patches + 1 : 1;  // an image has a cls token, a table is one token
  const int64_t embedding = image ? linear_macs(s.patch_dim, s.dim, s.patches) : linear_macs(s.features, s.dim, 1);
  const int64_t bottleneck = std::max<int64_t>(8, s.dim / 4);
  const int64_t block = 2 * linear_macs(s.dim, s.mlp_ratio * s.dim, tokens)  // the MLP
                        + 2 * linear_macs(s.dim, bottleneck, 1)              // squeeze-and-excitation
                        + normalization_macs(s.dim, tokens, /*affine=*/true);
  // The selector's LN branch; without a selector the same LayerNorm stands there alone.
  const int64_t site = normalization_macs(s.dim, tokens, /*affine=*/true);
  const int64_t gate = linear_macs(s.dim, s.dim / 2, 1) + linear_macs(s.dim / 2, 2, 1) + pool_macs(s.dim, tokens);
  return embedding + site + (s.selector ? gate : 0) + s.depth * block + linear_macs(s.dim, s.outputs, 1);
}

}  // namespace autonorm::models
