#include "core/distributed/gang.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>

#include <mutex>

#include "core/base/philox.h"
#include "gtest/gtest.h"
#include "tests/support/thread_group.h"

namespace autonorm::distributed {
namespace {

using test::run_ranks;

at::Tensor random(at::IntArrayRef sizes, std::string_view name) {
  at::Tensor out = at::zeros(sizes);
  const RandomStream stream(3, "test", name);
  for (int64_t i = 0; i < out.numel(); ++i) out.flatten()[i] = stream.normal(static_cast<uint64_t>(i));
  return out;
}

// Two layers: x [B, 3] → [B, 2].
std::vector<at::Tensor> parameters() {
  std::vector<at::Tensor> out{random({4, 3}, "w1"), random({4}, "b1"), random({2, 4}, "w2"), random({2}, "b2")};
  for (at::Tensor& tensor : out) tensor.requires_grad_(true);
  return out;
}
at::Tensor forward(const std::vector<at::Tensor>& p, const at::Tensor& x) {
  return at::linear(at::tanh(at::linear(x, p[0], p[1])), p[2], p[3]);
}
std::vector<at::Tensor> grads(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> out;
  for (const at::Tensor& tensor : parameters) out.push_back(tensor.grad().clone());
  return out;
}
// Rows of this rank: the batch of 7 is shared unevenly.
at::Tensor shard(const at::Tensor& x, int rank, int size) {
  const int64_t begin = x.size(0) * rank / size, end = x.size(0) * (rank + 1) / size;
  return x.slice(0, begin, end);
}
// Gradients of one process over the whole batch.
std::vector<at::Tensor> reference(const at::Tensor& x) {
  auto p = parameters();
  forward(p, x).square().sum().div(static_cast<double>(x.size(0))).backward();
  return grads(p);
}

TEST(SingleGang, DoesNothingAndLeads) {
  const auto gang = make_single();
  at::Tensor value = at::full({2}, 3.0);
  gang->all_reduce_sum(value);
  gang->broadcast(value);
  gang->barrier();
  EXPECT_TRUE(gang->leads());
  EXPECT_EQ(gang->size(), 1);
  EXPECT_TRUE(at::equal(value, at::full({2}, 3.0)));
  auto p = parameters();
  const auto reducer = gang->make_reducer(p);
  reducer->prepare_last_micro_batch();
  forward(p, random({7, 3}, "x")).sum().backward();
  reducer->finish();
  EXPECT_TRUE(p[0].grad().defined());
}

class Ranks : public testing::TestWithParam<int> {};

TEST_P(Ranks, SumsAndBroadcastsInPlace) {
  const int size = GetParam();
  run_ranks(size, [&](Gang& gang) {
    EXPECT_EQ(gang.size(), size);
    at::Tensor sum = at::full({3}, gang.rank() + 1.0);
    gang.all_reduce_sum(sum);
    EXPECT_TRUE(at::equal(sum, at::full({3}, size * (size + 1) / 2.0)));
    at::Tensor counts = at::full({2}, gang.rank(), at::kLong);
    gang.broadcast(counts, size - 1);
    EXPECT_TRUE(at::equal(counts, at::full({2}, size - 1, at::kLong)));
    gang.barrier();
  });
}

TEST_P(Ranks, ViewsThatAreNotContiguousAreWrittenToo) {
  run_ranks(GetParam(), [&](Gang& gang) {
    at::Tensor table = at::zeros({3, 4});
    at::Tensor column = table.select(1, 2);
    column.fill_(1.0);
    gang.all_reduce_sum(column);
    EXPECT_EQ(table.sum().item<double>(), 3.0 * gang.size());
  });
}

TEST_P(Ranks, AveragedGradientsAreThoseOfTheWholeBatch) {
  const at::Tensor x = random({7, 3}, "x");
  const auto expected = reference(x);
  run_ranks(GetParam(), [&](Gang& gang) {
    auto p = parameters();
    const auto reducer = gang.make_reducer(p);
    for (int step = 0; step < 3; ++step) {
      for (at::Tensor& tensor : p) tensor.mutable_grad() = at::Tensor();
      reducer->prepare_last_micro_batch();
      const double scale = static_cast<double>(gang.size()) / static_cast<double>(x.size(0));
      forward(p, shard(x, gang.rank(), gang.size())).square().sum().mul(scale).backward();
      reducer->finish();
      for (size_t i = 0; i < p.size(); ++i)
        EXPECT_TRUE(at::allclose(p[i].grad(), expected[i], 1e-5, 1e-6)) << "step " << step << ", parameter " << i;
    }
  });
}

TEST_P(Ranks, EarlierMicroBatchesAccumulateLocally) {
  const at::Tensor x = random({7, 3}, "x");
  const auto expected = reference(x);
  run_ranks(GetParam(), [&](Gang& gang) {
    auto p = parameters();
    const auto reducer = gang.make_reducer(p);
    const at::Tensor mine = shard(x, gang.rank(), gang.size());
    const double scale = static_cast<double>(gang.size()) / static_cast<double>(x.size(0));
    forward(p, mine.slice(0, 0, 1)).square().sum().mul(scale).backward();
    reducer->prepare_last_micro_batch();
    forward(p, mine.slice(0, 1)).square().sum().mul(scale).backward();
    reducer->finish();
    for (size_t i = 0; i < p.size(); ++i)
      EXPECT_TRUE(at::allclose(p[i].grad(), expected[i], 1e-5, 1e-6)) << "parameter " << i;
  });
}

TEST_P(Ranks, ARankWithoutSamplesTakesPartWithAZeroLoss) {
  const at::Tensor x = random({1, 3}, "x");
  const auto expected = reference(x);
  run_ranks(GetParam(), [&](Gang& gang) {
    auto p = parameters();
    const auto reducer = gang.make_reducer(p);
    reducer->prepare_last_micro_batch();
    const bool has_samples = gang.rank() == 0;
    at::Tensor loss =
        forward(p, has_samples ? x : x.slice(0, 0, 0)).square().sum().mul(static_cast<double>(gang.size()));
    loss.backward();
    reducer->finish();
    for (size_t i = 0; i < p.size(); ++i)
      EXPECT_TRUE(at::allclose(p[i].grad(), expected[i], 1e-5, 1e-6)) << "parameter " << i;
  });
}

TEST_P(Ranks, RepeatedReductionsGiveTheSameBits) {
  const at::Tensor x = random({7, 3}, "x");
  std::mutex mutex;
  std::vector<std::vector<at::Tensor>> seen;
  for (int repeat = 0; repeat < 2; ++repeat) {
    run_ranks(GetParam(), [&](Gang& gang) {
      auto p = parameters();
      const auto reducer = gang.make_reducer(p);
      // More than one Reducer's worth on repeat 1: a fresh Reducer must not change a bit.
      for (int step = 0; step < (repeat == 0 ? 1 : 1030); ++step) {
        for (at::Tensor& tensor : p) tensor.mutable_grad() = at::Tensor();
        reducer->prepare_last_micro_batch();
        forward(p, shard(x, gang.rank(), gang.size())).square().sum().backward();
        reducer->finish();
      }
      const std::lock_guard lock(mutex);
      if (gang.leads()) seen.push_back(grads(p));
    });
  }
  ASSERT_EQ(seen.size(), 2u);
  for (size_t i = 0; i < seen[0].size(); ++i) EXPECT_TRUE(at::equal(seen[0][i], seen[1][i])) << "parameter " << i;
}

INSTANTIATE_TEST_SUITE_P(OfThreads, Ranks, testing::Values(2, 3), testing::PrintToStringParamName());

TEST(GangFailure, AParameterWithoutAGradientIsNotPassedOver) {
  EXPECT_THROW(
      run_ranks(2,
                [&](Gang& gang) {
                  auto p = parameters();
                  const auto reducer = gang.make_reducer(p);
                  reducer->prepare_last_micro_batch();
                  at::linear(random({2, 3}, "x"), p[0], p[1]).sum().backward();  // p[2], p[3] have no part in it
                  reducer->finish();
                }),
      c10::Error);
}

TEST(GangFailure, RanksWithOtherParametersAreFoundAtTheStart) {
  EXPECT_THROW(run_ranks(2,
                         [&](Gang& gang) {
                           auto p = parameters();
                           if (gang.rank() == 1) p[0] = random({5, 3}, "w1").requires_grad_(true);
                           gang.make_reducer(p);
                         }),
               c10::Error);
}

TEST(GangFailure, ALostRankAbortsTheOthersCollective) {
  std::mutex mutex;
  int aborted = 0;
  EXPECT_THROW(run_ranks(3,
                         [&](Gang& gang) {
                           if (gang.rank() == 2) throw std::runtime_error("rank 2 is lost");
                           at::Tensor value = at::zeros({1});
                           try {
                             gang.all_reduce_sum(value);
                           } catch (const CollectiveAborted&) {
                             const std::lock_guard lock(mutex);
                             ++aborted;
                             throw;
                           }
                         }),
               std::runtime_error);
  EXPECT_EQ(aborted, 2);
}

TEST(GangFailure, AnAbortInsideBackwardArrivesAsCollectiveAborted) {
  EXPECT_THROW(run_ranks(2,
                         [&](Gang& gang) {
                           auto p = parameters();
                           const auto reducer = gang.make_reducer(p);
                           reducer->prepare_last_micro_batch();
                           if (gang.rank() == 1) throw CollectiveAborted("rank 1 is lost");
                           forward(p, random({2, 3}, "x")).sum().backward();
                           ADD_FAILURE() << "backward returned";
                         }),
               CollectiveAborted);
}

}  // namespace
}  // namespace autonorm::distributed
