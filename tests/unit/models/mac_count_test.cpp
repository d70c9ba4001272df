#include "core/models/mac_count.h"

#include <gtest/gtest.h>

#include "core/norms/mac_rules.h"

namespace autonorm::models {
namespace {

TEST(MacCount, TeachersWithTheirLayerNorm) {
  const auto teacher = [](int64_t features) {
    return mlp_macs({.features = features, .hidden = 128, .layers = 1, .classes = 10}) +
           norms::normalization_macs(128, 1, /*affine=*/true);
  };
  EXPECT_EQ(teacher(28 * 28), 102'144);
  EXPECT_EQ(teacher(3 * 32 * 32), 395'008);
  EXPECT_EQ(teacher(8), 2'816);
}

TEST(MacCount, VitFollowsTheAnalyticFormula) {
  const VitShape s{.dim = 64, .depth = 6, .hidden = 128, .tokens = 17, .patches = 16, .patch_dim = 49, .classes = 10};
  const int64_t m = s.hidden / s.dim, d = s.dim, t = s.tokens, l = s.depth;
  EXPECT_EQ(vit_macs(s), (4 + 2 * m) * d * d * t * l + 2 * t * t * d * l + s.patch_dim * d * s.patches + d * s.classes);
}

// The breakdown of models-and-recipes.md 2.8.
TEST(MacCount, MaeTiny) {
  EXPECT_EQ(mae_macs({.dim = 64,
                      .depth = 4,
                      .hidden = 256,
                      .tokens = 4,
                      .patches = 16,
                      .patch_dim = 49,
                      .decoder_dim = 64,
                      .decoder_depth = 2,
                      .decoder_hidden = 256,
                      .decoder_tokens = 16}),
            2'549'760);
}

}  // namespace
}  // namespace autonorm::models
