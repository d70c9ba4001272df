#include "core/models/mac_count.h"

#include <algorithm>

#include "core/norms/mac_rules.h"

namespace autonorm::models {

using norms::linear_macs;

namespace {

int64_t block_macs(int64_t dim, int64_t hidden, int64_t tokens) {
  const int64_t projections = linear_macs(dim, 4 * dim, tokens);  // q, k, v, output
  const int64_t attention = 2 * tokens * tokens * dim;            // scores and weighted sum
  return projections + attention + 2 * linear_macs(dim, hidden, tokens);
}

}  // namespace

int64_t vit_macs(const VitShape& s) {
  return s.depth * block_macs(s.dim, s.hidden, s.tokens) + linear_macs(s.patch_dim, s.dim, s.patches) +
         linear_macs(s.dim, s.classes, 1);
}

int64_t mae_macs(const MaeShape& s) {
  return linear_macs(s.patch_dim, s.dim, s.patches) + s.depth * block_macs(s.dim, s.hidden, s.tokens) +
         linear_macs(s.dim, s.decoder_dim, s.tokens) +
         s.decoder_depth * block_macs(s.decoder_dim, s.decoder_hidden, s.decoder_tokens) +
         linear_macs(s.decoder_dim, s.patch_dim, s.patches);
}

int64_t mlp_macs(const MlpShape& s) {
  int64_t total = 0, in = s.features;
  for (int64_t i = 0; i < s.layers; ++i) {
    total += linear_macs(in, s.hidden, 1);
    in = s.hidden;
  }
  return total + linear_macs(in, s.classes, 1);
}

int64_t autonorm_macs(const AutoNormShape& s) {
  const bool image = s.patches > 0;
  const int64_t tokens = image ? s.patches + 1 : 1;  // an image has a cls token, a table is one token
  const int64_t embedding = image ? linear_macs(s.patch_dim, s.dim, s.patches) : linear_macs(s.features, s.dim, 1);
  const int64_t bottleneck = std::max<int64_t>(8, s.dim / 4);
  const int64_t attention = linear_macs(s.dim, 4 * s.dim, tokens) + 2 * tokens * tokens * s.dim;
  const int64_t block = 2 * linear_macs(s.dim, s.hidden, tokens) +  // the MLP
                        2 * linear_macs(s.dim, bottleneck, 1) +     // squeeze-and-excitation
                        (s.attention ? attention : 0);
  return embedding + s.depth * block + linear_macs(s.dim, s.outputs, 1);
}

}  // namespace autonorm::models
