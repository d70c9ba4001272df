#include "core/eval/loss.h"

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/norms/tensors.h"

namespace autonorm::eval {
namespace {

using norms::largest_difference;
using norms::random_tensor;

at::Tensor labels_of(std::vector<int64_t> values) {
  return at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::TensorOptions(at::kLong)).clone();
}

TEST(CrossEntropy, IsLogOfTheClassesForEqualLogits) {
  const at::Tensor loss = cross_entropy(random_tensor("x", {2, 10}).mul(0.0), labels_of({3, 9}));
  EXPECT_EQ(loss.sizes(), (at::IntArrayRef{2}));
  EXPECT_NEAR(loss[0].item<double>(), std::log(10.0), 1e-6);
}

// models-and-recipes.md 4.2: the smallest value that a smoothed loss can take.
TEST(CrossEntropy, HasThePublishedFloorsUnderLabelSmoothing) {
  struct Case {
    double smoothing;
    int64_t classes;
    double floor;
  };
  for (const Case& c : {Case{0.2, 10, 0.8669}, Case{0.1, 10, 0.5003}, Case{0.2, 100, 1.4075}}) {
    // The best logits: log of the smoothed target.
    at::Tensor target =
        random_tensor("x", {1, c.classes}, at::kDouble).mul(0.0).add(c.smoothing / static_cast<double>(c.classes));
    target.select(1, 2).add_(1.0 - c.smoothing);
    EXPECT_NEAR(cross_entropy(target.log(), labels_of({2}), c.smoothing).item<double>(), c.floor, 5e-5);
  }
}

TEST(CrossEntropy, ComputesInFloat32FromBfloat16Logits) {
  const at::Tensor logits = random_tensor("x", {4, 10}, at::kBFloat16);
  const at::Tensor loss = cross_entropy(logits, labels_of({0, 1, 2, 3}));
  EXPECT_EQ(loss.scalar_type(), at::kFloat);
  EXPECT_LT(largest_difference(loss, cross_entropy(logits.to(at::kFloat), labels_of({0, 1, 2, 3}))), 1e-6);
}

TEST(Distillation, IsZeroForEqualLogitsAndPositiveOtherwise) {
  const at::Tensor a = random_tensor("a", {3, 10}, at::kDouble), b = random_tensor("b", {3, 10}, at::kDouble);
  EXPECT_LT(distillation(a, a, 2.0).abs().max().item<double>(), 1e-12);
  EXPECT_GT(distillation(a, b, 2.0).min().item<double>(), 0.0);
}

TEST(Distillation, IsKullbackLeiblerTimesTheSquaredTemperature) {
  const at::Tensor student = random_tensor("a", {3, 10}, at::kDouble),
                   teacher = random_tensor("b", {3, 10}, at::kDouble);
  const double t = 3.0;
  const at::Tensor p = teacher.div(t).softmax(-1), q = student.div(t).softmax(-1);
  const at::Tensor expected = p.mul(p.div(q).log()).sum(-1).mul(t * t);
  EXPECT_LT(largest_difference(distillation(student, teacher, t), expected), 1e-12);
}

}  // namespace
}  // namespace autonorm::eval
