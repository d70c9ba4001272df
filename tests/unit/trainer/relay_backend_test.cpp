#include "worker/trainer/relay_backend.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <functional>
#include <mutex>
#include <thread>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "core/distributed/process_gang.h"
#include "gtest/gtest.h"
#include "tests/unit/trainer/fake_agent.h"

namespace autonorm::trainer {
namespace {

using distributed::CollectiveAborted;
using distributed::Gang;

void run_ranks(FakeAgent& agent, int size, const std::function<void(Gang&)>& body) {
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      auto client = RelayClient::attach(agent.descriptors(rank));
      ASSERT_TRUE(client.ok());
      const auto group = make_relay_group(c10::make_intrusive<c10d::HashStore>(), rank, size, **client);
      body(*distributed::make_gang(group, at::kCPU));
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(RelayBackend, CollectivesOfAGang) {
  FakeAgent agent(2);
  run_ranks(agent, 2, [](Gang& gang) {
    at::Tensor sum = at::full({2, 2}, gang.rank() + 1, at::kLong);
    gang.all_reduce_sum(sum);
    EXPECT_TRUE(at::equal(sum, at::full({2, 2}, 3, at::kLong)));
    at::Tensor from = at::full({3}, gang.rank() + 0.5, at::kDouble);
    gang.broadcast(from, 1);
    EXPECT_TRUE(at::equal(from, at::full({3}, 1.5, at::kDouble)));
    gang.barrier();
  });
}

TEST(RelayBackend, TheReducerAveragesOverIt) {
  FakeAgent agent(2);
  run_ranks(agent, 2, [](Gang& gang) {
    at::Tensor w = at::arange(4, at::kFloat).requires_grad_(true);
    const auto reducer = gang.make_reducer({w});
    for (int step = 0; step < 3; ++step) {
      w.mutable_grad() = at::Tensor();
      reducer->prepare_last_micro_batch();
      w.mul(gang.rank() == 0 ? 2.0 : 4.0).sum().backward();
      reducer->finish();
      EXPECT_TRUE(at::equal(w.grad(), at::full({4}, 3.0)));
    }
  });
}

TEST(RelayBackend, AFailureIsCollectiveAbortedWithTheAgentsReason) {
  FakeAgent agent(1);
  agent.fail(worker::RelayResult::kAborted, "rank 1 was killed");
  run_ranks(agent, 1, [](Gang& gang) {
    at::Tensor value = at::zeros({1});
    try {
      gang.all_reduce_sum(value);
      ADD_FAILURE() << "it returned";
    } catch (const CollectiveAborted& aborted) {
      EXPECT_NE(std::string(aborted.what()).find("rank 1 was killed"), std::string::npos);
    }
  });
}

TEST(RelayBackend, ADtypeThatCannotTravelIsNamed) {
  FakeAgent agent(1);
  run_ranks(agent, 1, [](Gang& gang) {
    at::Tensor value = at::zeros({1}, at::kHalf);
    EXPECT_THROW(gang.all_reduce_sum(value), c10::Error);
  });
}

}  // namespace
}  // namespace autonorm::trainer
