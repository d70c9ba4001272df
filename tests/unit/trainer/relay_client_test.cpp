#include "worker/trainer/relay_client.h"

#include <functional>
#include <numeric>

#include "gmock/gmock.h"
#include "tests/unit/trainer/fake_agent.h"

namespace autonorm::trainer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using worker::RelayDtype;
using worker::RelayResult;

// One thread per rank, each with its client.
void run_ranks(FakeAgent& agent, int size, const std::function<void(int rank, RelayClient&)>& body) {
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      auto client = RelayClient::attach(agent.descriptors(rank));
      ASSERT_TRUE(client.ok()) << client.status().message();
      (*client)->begin_attempt();
      body(rank, **client);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(RelayClient, SumsInPlace) {
  FakeAgent agent(3);
  run_ranks(agent, 3, [](int rank, RelayClient& client) {
    std::vector<double> values{1.0 * rank, 10.0};
    ASSERT_TRUE(client.all_reduce_sum(RelayDtype::kFloat64, values.data(), values.size()).ok());
    EXPECT_EQ(values, (std::vector<double>{3.0, 30.0}));
    std::vector<int64_t> counts{rank + 1};
    ASSERT_TRUE(client.all_reduce_sum(RelayDtype::kInt64, counts.data(), 1).ok());
    EXPECT_EQ(counts[0], 6);
  });
  EXPECT_EQ(agent.served(), 2);
}

TEST(RelayClient, LargePayloadsAreCutIntoChunks) {
  constexpr size_t kCount = worker::kRelayDataBytes / sizeof(float) * 2 + 5;
  FakeAgent agent(2);
  run_ranks(agent, 2, [](int rank, RelayClient& client) {
    std::vector<float> values(kCount);
    std::iota(values.begin(), values.end(), static_cast<float>(rank));
    ASSERT_TRUE(client.all_reduce_sum(RelayDtype::kFloat32, values.data(), kCount).ok());
    for (const size_t i : {size_t{0}, kCount / 2, kCount - 1}) {
      EXPECT_EQ(values[i], static_cast<float>(i) + (static_cast<float>(i) + 1.0F)) << i;
    }
  });
  EXPECT_EQ(agent.served(), 3);
}

TEST(RelayClient, BroadcastsFromItsRoot) {
  FakeAgent agent(3);
  run_ranks(agent, 3, [](int rank, RelayClient& client) {
    int32_t value = rank * 100;
    ASSERT_TRUE(client.broadcast(RelayDtype::kInt32, &value, 1, 2).ok());
    EXPECT_EQ(value, 200);
  });
}

TEST(RelayClient, GathersInRankOrderAlsoInChunks) {
  constexpr size_t kCount = worker::kRelayDataBytes / 2 + 3;  // bytes per rank: two ranks need two chunks
  FakeAgent agent(2);
  run_ranks(agent, 2, [](int rank, RelayClient& client) {
    std::vector<uint8_t> mine(kCount, static_cast<uint8_t>(rank + 1)), all(2 * kCount);
    mine.back() = static_cast<uint8_t>(rank + 50);
    ASSERT_TRUE(client.all_gather(RelayDtype::kUInt8, mine.data(), kCount, all.data(), 2).ok());
    EXPECT_EQ(all[0], 1);
    EXPECT_EQ(all[kCount - 1], 50);
    EXPECT_EQ(all[kCount], 2);
    EXPECT_EQ(all[2 * kCount - 1], 51);
  });
  EXPECT_EQ(agent.served(), 2);
}

TEST(RelayClient, RequestsAreNumberedFromOneInEachAttempt) {
  FakeAgent agent(1);
  auto client = RelayClient::attach(agent.descriptors(0));
  ASSERT_TRUE(client.ok());
  for (int attempt = 0; attempt < 2; ++attempt) {
    (*client)->begin_attempt();
    for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
      ASSERT_TRUE((*client)->barrier().ok());
      EXPECT_EQ(agent.segment(0).sequence, sequence);
    }
  }
}

TEST(RelayClient, AnAbortWakesAWaitingRankWithTheReason) {
  FakeAgent agent(2);  // rank 1 never comes
  auto client = RelayClient::attach(agent.descriptors(0));
  ASSERT_TRUE(client.ok());
  std::thread aborter([&] { agent.fail(RelayResult::kAborted, "worker 7 is lost"); });
  float value = 1;
  const Status status = (*client)->all_reduce_sum(RelayDtype::kFloat32, &value, 1);
  aborter.join();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("all_reduce"), HasSubstr("aborted: worker 7 is lost")));
  EXPECT_EQ((*client)->barrier().code(), Code::kUnavailable);
}

TEST(RelayClient, ATimeOutAndAnUnsupportedRequestAreTold) {
  FakeAgent agent(1);
  auto client = RelayClient::attach(agent.descriptors(0));
  ASSERT_TRUE(client.ok());
  agent.fail(RelayResult::kTimedOut, "rank 1 did not come for 300 s");
  EXPECT_THAT((*client)->barrier().message(), HasSubstr("barrier 1 of 0 elements timed out: rank 1 did not come"));
  agent.fail(RelayResult::kUnsupported, "no such op");
  EXPECT_EQ((*client)->barrier().code(), Code::kInternal);
}

TEST(RelayClient, AMessageWithoutATerminatingZeroIsCutAtItsField) {
  FakeAgent agent(1);
  auto client = RelayClient::attach(agent.descriptors(0));
  ASSERT_TRUE(client.ok());
  agent.fail(RelayResult::kAborted, std::string(1000, 'x'));
  EXPECT_THAT((*client)->barrier().message(), testing::EndsWith(": " + std::string(256, 'x')));
}

TEST(RelayClient, AnotherVersionOrSomethingElseIsRefused) {
  FakeAgent agent(1);
  agent.segment(0).version = 99;
  const auto other = RelayClient::attach(agent.descriptors(0));
  ASSERT_EQ(other.status().code(), Code::kConflict);
  EXPECT_THAT(other.status().message(), AllOf(HasSubstr("version 99"), HasSubstr("this trainer 1")));
  EXPECT_FALSE(RelayClient::attach({-1, -1, -1}).ok());
  const auto descriptors = agent.descriptors(0);
  EXPECT_EQ(RelayClient::attach({descriptors.completion, descriptors.request, descriptors.segment}).status().code(),
            Code::kInvalid);
}

}  // namespace
}  // namespace autonorm::trainer
