#include "core/models/mac_count.h"

#include <gtest/gtest.h>

#include "core/norms/mac_rules.h"

namespace autonorm::models {
namespace {

// The vectors of models-and-recipes.md 3: what the source's counter printed.
TEST(MacCount, AutoNormTransformerOnGrey28) {
  const AutoNormShape plain{.patches = 49, .patch_dim = 3 * 4 * 4};
  EXPECT_EQ(autonorm_transformer_macs(plain), 79'376'640);
  AutoNormShape gated = plain;
  gated.selector = true;
  EXPECT_EQ(autonorm_transformer_macs(gated), 79'391'488);
}

TEST(MacCount, AutoNormTransformerOnColour32) {
  const AutoNormShape plain{.patches = 64, .patch_dim = 3 * 4 * 4};
  EXPECT_EQ(autonorm_transformer_macs(plain), 103'161'600);
  AutoNormShape gated = plain;
  gated.selector = true;
  EXPECT_EQ(autonorm_transformer_macs(gated), 103'178'368);
}

TEST(MacCount, AutoNormTransformerOnTables) {
  const AutoNormShape plain{.features = 8, .outputs = 2};
  EXPECT_EQ(autonorm_transformer_macs(plain), 1'679'104);
  AutoNormShape gated = plain;
  gated.selector = true;
  EXPECT_EQ(autonorm_transformer_macs(gated), 1'687'680);
  AutoNormShape one_output = plain;
  one_output.outputs = 1;
  EXPECT_EQ(autonorm_transformer_macs(one_output), 1'678'976);
}

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

}  // namespace
}  // namespace autonorm::models
