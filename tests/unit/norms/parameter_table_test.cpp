#include "core/norms/parameter_table.h"

#include <gtest/gtest.h>

#include "tests/unit/norms/tensors.h"

namespace autonorm::norms {
namespace {

at::Tensor initial(uint64_t seed, std::string_view name, at::IntArrayRef shape, InitSpec init) {
  ParameterTable table(seed);
  table.add(name, shape, init);
  return table.parameters()[0].value.detach();
}

TEST(ParameterTable, ScopesNestAndEndWithTheirBlock) {
  ParameterTable table(0);
  {
    const ParameterTable::Scope block(table, "blocks.0");
    const ParameterTable::Scope site(table, "pre_attn");
    table.add("weight", {4}, {Init::kOnes});
  }
  table.add("head", {2, 4}, {Init::kZeros});
  ASSERT_EQ(table.parameters().size(), 2u);
  EXPECT_EQ(table.parameters()[0].name, "blocks.0.pre_attn.weight");
  EXPECT_EQ(table.parameters()[1].name, "head");
  EXPECT_EQ(table.count(), 12);
}

TEST(ParameterTable, WeightDecayIsForParametersOfTwoDimensionsAndMore) {
  ParameterTable table(0);
  table.add("vector", {4}, {Init::kOnes});
  table.add("row", {1, 4}, {Init::kOnes});
  EXPECT_FALSE(table.parameters()[0].decay);
  EXPECT_TRUE(table.parameters()[1].decay);
}

TEST(ParameterTable, BuffersHaveNamesTypesAndAreNoParameters) {
  ParameterTable table(0, at::kDouble);
  const ParameterTable::Scope site(table, "pre_attn");
  const BufferSlot running = table.add_buffer("running_var", {4}, 1.0), count = table.add_counter("iters");
  ASSERT_EQ(table.buffers().size(), 2u);
  EXPECT_EQ(table.buffers()[0].name, "pre_attn.running_var");
  EXPECT_EQ(running.get().scalar_type(), at::kDouble);
  EXPECT_EQ(count.get().scalar_type(), at::kLong);
  EXPECT_TRUE(table.buffers()[1].on_host);
  EXPECT_FALSE(running.get().requires_grad());
  EXPECT_EQ(table.count(), 0);
  count.get().add_(1);  // slots write into the table
  EXPECT_EQ(table.buffers()[1].value.item<int64_t>(), 1);
  EXPECT_FALSE(BufferSlot());
}

TEST(ParameterTable, FrozenParametersDoNotRequireGradients) {
  ParameterTable table(0);
  table.add("a", {2}, {Init::kOnes});
  const ParameterSlot b = table.add("b", {2}, {Init::kOnes});
  table.freeze_from(1);
  ASSERT_EQ(table.trainable().size(), 1u);
  EXPECT_FALSE(b.get().requires_grad());
  EXPECT_TRUE(table.parameters()[0].value.requires_grad());
  EXPECT_EQ(table.count(), 4);
}

TEST(ParameterTableDeathTest, TheSameNameTwiceIsAProgrammerError) {
  EXPECT_DEATH(
      {
        ParameterTable table(0);
        table.add("a", {2}, {Init::kOnes});
        table.add("a", {2}, {Init::kOnes});
      },
      "registered twice");
}

TEST(InitialValues, DependOnSeedAndNameOnly) {
  const InitSpec normal{Init::kTruncatedNormal, 0.02};
  const at::Tensor value = initial(3, "blocks.0.attn.qkv.weight", {8, 4}, normal);
  EXPECT_TRUE(same_bits(value, initial(3, "blocks.0.attn.qkv.weight", {8, 4}, normal)));
  EXPECT_GT(largest_difference(value, initial(4, "blocks.0.attn.qkv.weight", {8, 4}, normal)), 1e-3);
  EXPECT_GT(largest_difference(value, initial(3, "blocks.1.attn.qkv.weight", {8, 4}, normal)), 1e-3);
}

TEST(InitialValues, DoNotDependOnWhatElseIsRegistered) {
  ParameterTable table(3);
  table.add("something.else", {100}, {Init::kNormal, 1.0});
  const ParameterSlot slot = table.add("w", {8}, {Init::kNormal, 1.0});
  EXPECT_TRUE(same_bits(slot.get().detach(), initial(3, "w", {8}, {Init::kNormal, 1.0})));
}

TEST(InitialValues, TruncatedNormalStaysWithinTwoDeviations) {
  const at::Tensor value = initial(0, "w", {20000}, {Init::kTruncatedNormal, 0.02}).to(at::kDouble);
  EXPECT_LE(value.abs().max().item<double>(), 0.04 + 1e-9);
  // Deviation of a normal cut at ±2: 0.8796; standard error of a deviation estimate at n = 20000 about .5 %.
  EXPECT_NEAR(value.std().item<double>(), 0.02 * 0.8796, 0.02 * 0.02);
  EXPECT_NEAR(value.mean().item<double>(), 0.0, 5 * 0.0176 / std::sqrt(20000.0));
}

TEST(InitialValues, UniformFillsItsBounds) {
  const at::Tensor value = initial(0, "w", {20000}, {Init::kUniform, 0.125}).to(at::kDouble);
  EXPECT_LE(value.abs().max().item<double>(), 0.125);
  EXPECT_GT(value.max().item<double>(), 0.124);
  EXPECT_NEAR(value.std().item<double>(), 0.125 / std::sqrt(3.0), 0.002);
}

TEST(InitialValues, ConstantsAreExact) {
  EXPECT_EQ(initial(0, "a", {3}, {Init::kConstant, 0.5}).sum().item<double>(), 1.5);
  EXPECT_EQ(initial(0, "a", {3}, {Init::kOnes}).sum().item<double>(), 3.0);
  EXPECT_EQ(initial(0, "a", {3}, {Init::kZeros}).abs().sum().item<double>(), 0.0);
}

}  // namespace
}  // namespace autonorm::norms
