// The fused norms under vmap: one call for several models equals a call for each.
#include <ATen/TensorOperators.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include "tests/unit/kernels/fused_cases.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::kernels {
namespace {

using norms::largest_difference;
using norms::random_tensor;

constexpr int64_t kModels = 3, kSamples = 2, kLength = 5, kWidthOfModel = 33;

// One vmap level while it lives.
class Vmap {
 public:
  Vmap()
      : level_(at::functorch::initAndPushDynamicLayer(at::functorch::TransformType::Vmap, kModels,
                                                      at::functorch::RandomnessType::Error)) {}
  ~Vmap() { at::functorch::popDynamicLayerAndDeleteMetadata(); }
  Vmap(const Vmap&) = delete;
  at::Tensor wrap(const at::Tensor& t, int64_t axis) const { return at::functorch::makeBatched(t, axis, level_); }
  static at::Tensor unwrap(const at::Tensor& t) {
    const auto* batched = at::functorch::maybeGetBatchedImpl(t);
    if (batched == nullptr) return {};
    return batched->value().movedim(batched->bdim(), 0);
  }

 private:
  int64_t level_;
};

class FusedNormUnderVmap : public testing::TestWithParam<FusedCase> {
 protected:
  // x and its companions of all models, with a leading axis.
  Tensors stacked() const {
    Tensors all{random_tensor("x", {kModels, kSamples, kLength, kWidthOfModel})};
    for (auto shape : GetParam().shapes(kSamples, kWidthOfModel)) {
      shape.insert(shape.begin(), kModels);
      all.push_back(random_tensor("p" + std::to_string(all.size()), shape));
    }
    for (at::Tensor& t : all) t.requires_grad_(true);
    return all;
  }
  static Tensors rest(const Tensors& all) { return {all.begin() + 1, all.end()}; }
  static Tensors take_gradients(const Tensors& all) {
    Tensors gradients;
    for (const at::Tensor& t : all) {
      gradients.push_back(t.grad().clone());
      t.mutable_grad().reset();
    }
    return gradients;
  }
};

TEST_P(FusedNormUnderVmap, EqualsSeparateModelsForwardAndBackward) {
  const Tensors all = stacked();
  const at::Tensor dy = random_tensor("dy", all[0].sizes());
  at::Tensor mapped;
  {
    const Vmap vmap;
    Tensors wrapped;
    for (const at::Tensor& t : all) wrapped.push_back(vmap.wrap(t, 0));
    mapped = Vmap::unwrap(GetParam().fused(wrapped[0], rest(wrapped)));
  }
  ASSERT_TRUE(mapped.defined());
  mapped.backward(dy);
  const Tensors found = take_gradients(all);

  Tensors ys;
  for (int64_t model = 0; model < kModels; ++model) {
    Tensors own;
    for (const at::Tensor& t : all) own.push_back(t.select(0, model));
    ys.push_back(GetParam().fused(own[0], rest(own)));
  }
  const at::Tensor separate = at::stack(ys);
  separate.backward(dy);
  const Tensors expected = take_gradients(all);
  EXPECT_TRUE(norms::same_bits(mapped, separate));
  for (size_t i = 0; i < found.size(); ++i) EXPECT_LT(largest_difference(found[i], expected[i]), 2e-5) << i;
}

TEST_P(FusedNormUnderVmap, SharesParametersThatAreNotMapped) {
  Tensors all = stacked();
  for (size_t i = 1; i < all.size(); ++i) all[i] = all[i].select(0, 0).detach().requires_grad_(true);
  const at::Tensor swapped = all[0].detach().movedim(0, 2).contiguous();  // the mapped axis need not be the first
  at::Tensor mapped;
  {
    const Vmap vmap;
    mapped = Vmap::unwrap(GetParam().fused(vmap.wrap(swapped, 2), rest(all)));
  }
  ASSERT_TRUE(mapped.defined());
  for (int64_t model = 0; model < kModels; ++model) {
    EXPECT_TRUE(norms::same_bits(mapped[model], GetParam().fused(all[0][model], rest(all)))) << model;
  }
}

TEST_P(FusedNormUnderVmap, MapsASingleParameter) {
  const Tensors all = stacked();
  for (size_t i = 1; i < all.size(); ++i) {
    Tensors own;
    for (const at::Tensor& t : all) own.push_back(t.select(0, 0));
    at::Tensor mapped;
    {
      const Vmap vmap;
      Tensors wrapped = own;
      wrapped[i] = vmap.wrap(all[i], 0);
      mapped = Vmap::unwrap(GetParam().fused(wrapped[0], rest(wrapped)));
    }
    ASSERT_TRUE(mapped.defined()) << i;
    own[i] = all[i].select(0, 2);
    EXPECT_TRUE(norms::same_bits(mapped[2], GetParam().fused(own[0], rest(own)))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Norms, FusedNormUnderVmap, testing::ValuesIn(fused_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace autonorm::kernels
