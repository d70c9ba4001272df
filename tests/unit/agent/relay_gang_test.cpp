#include "worker/agent/relay/relay_gang.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <functional>

#include "core/base/philox.h"
#include "tests/unit/agent/memory_fabric.h"

namespace autonorm::agent {
namespace {

using ::testing::HasSubstr;
using worker::RelayDtype;
using worker::RelayOp;
using worker::RelayResult;
using worker::RelaySegment;
using namespace std::chrono_literals;

constexpr int kTag = 17;

// Gang rank r is MPI rank 10 - r, so that the two are never confused.
struct Cluster {
  explicit Cluster(int size, int tag = kTag, std::shared_ptr<MemoryNetwork> shared = std::make_shared<MemoryNetwork>())
      : network(std::move(shared)) {
    std::vector<int> mpi_ranks;
    for (int rank = 0; rank < size; ++rank) mpi_ranks.push_back(10 - rank);
    for (int rank = 0; rank < size; ++rank) {
      fabrics.push_back(std::make_unique<MemoryFabric>(*network, 10 - rank));
      gangs.push_back(std::make_unique<RelayGang>(GangLayout{rank, mpi_ranks, tag}, *fabrics.back()));
      segments.push_back(std::make_unique<RelaySegment>());
    }
  }

  int size() const { return static_cast<int>(gangs.size()); }

  template <class T>
  T* data(int rank) {
    return reinterpret_cast<T*>(segments[rank]->data);
  }
  void request(int rank, RelayOp op, RelayDtype dtype, uint64_t count, uint32_t root = 0) {
    RelaySegment& segment = *segments[rank];
    segment.op = op;
    segment.dtype = dtype;
    segment.count = count;
    segment.root = root;
    ++segment.sequence;
    gangs[rank]->begin(segment, now);
  }
  void request_all(RelayOp op, RelayDtype dtype, uint64_t count, uint32_t root = 0) {
    for (int rank = 0; rank < size(); ++rank) request(rank, op, dtype, count, root);
  }
  // Lets everybody act until nothing is in progress; false: still something after many rounds.
  bool settle() {
    for (int round = 0; round < 100; ++round) {
      bool busy = false;
      for (auto& gang : gangs) {
        gang->progress(now);
        busy = busy || gang->busy();
      }
      if (!busy) return true;
    }
    return false;
  }

  std::shared_ptr<MemoryNetwork> network;
  std::vector<std::unique_ptr<MemoryFabric>> fabrics;
  std::vector<std::unique_ptr<RelayGang>> gangs;
  std::vector<std::unique_ptr<RelaySegment>> segments;
  SteadyTime now{};
};

std::vector<double> random_values(int rank, size_t count) {
  const RandomStream stream(42, "test", "rank" + std::to_string(rank));
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = stream.normal(i) * std::pow(10.0, static_cast<double>(i % 7));
  return values;
}

template <class T>
std::vector<T> reference_sum(int ranks, size_t count) {
  std::vector<T> sum(count);
  for (int rank = 0; rank < ranks; ++rank) {
    const auto values = random_values(rank, count);
    for (size_t i = 0; i < count; ++i)
      sum[i] = rank == 0 ? static_cast<T>(values[i]) : static_cast<T>(sum[i] + static_cast<T>(values[i]));
  }
  return sum;
}

class Ranks : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(RelayGang, Ranks, ::testing::Values(1, 2, 3, 4));

template <class T>
void check_all_reduce(int ranks, RelayDtype dtype, size_t count) {
  Cluster cluster(ranks);
  for (int rank = 0; rank < ranks; ++rank) {
    const auto values = random_values(rank, count);
    for (size_t i = 0; i < count; ++i) cluster.data<T>(rank)[i] = static_cast<T>(values[i]);
  }
  cluster.request_all(RelayOp::kAllReduceSum, dtype, count);
  ASSERT_TRUE(cluster.settle());
  const auto expected = reference_sum<T>(ranks, count);
  for (int rank = 0; rank < ranks; ++rank) {
    ASSERT_EQ(cluster.segments[rank]->result, RelayResult::kOk) << cluster.segments[rank]->message;
    EXPECT_EQ(std::memcmp(cluster.data<T>(rank), expected.data(), count * sizeof(T)), 0)
        << "rank " << rank << " of " << ranks;
  }
  EXPECT_EQ(cluster.network->waiting(), 0U);
}

TEST_P(Ranks, AllReduceAddsInRankOrderBitForBit) {
  // Below and above the size from which ranks own slices; counts that no number of ranks divides.
  for (const size_t count : {size_t{1}, size_t{1000}, size_t{4097}, size_t{100'003}}) {
    check_all_reduce<float>(GetParam(), RelayDtype::kFloat32, count);
    check_all_reduce<double>(GetParam(), RelayDtype::kFloat64, count);
    check_all_reduce<int64_t>(GetParam(), RelayDtype::kInt64, count);
  }
}

TEST_P(Ranks, BFloat16IsSummedInFloat32AndRoundedOnce) {
  const int ranks = GetParam();
  constexpr size_t kCount = 20'000;
  Cluster cluster(ranks);
  std::vector<float> sum(kCount);
  for (int rank = 0; rank < ranks; ++rank) {
    const auto values = random_values(rank, kCount);
    for (size_t i = 0; i < kCount; ++i) {
      const auto bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(values[i])) >> 16);
      cluster.data<uint16_t>(rank)[i] = bits;
      const float value = std::bit_cast<float>(uint32_t{bits} << 16);
      sum[i] = rank == 0 ? value : sum[i] + value;
    }
  }
  cluster.request_all(RelayOp::kAllReduceSum, RelayDtype::kBFloat16, kCount);
  ASSERT_TRUE(cluster.settle());
  for (size_t i = 0; i < kCount; ++i) {
    const float got = std::bit_cast<float>(uint32_t{cluster.data<uint16_t>(0)[i]} << 16);
    ASSERT_LE(std::abs(got - sum[i]), std::abs(sum[i]) / 256) << i;  // half a unit in the last of 8 bits
    ASSERT_EQ(cluster.data<uint16_t>(0)[i], cluster.data<uint16_t>(ranks - 1)[i]);
  }
}

TEST_P(Ranks, CuttingIntoChunksDoesNotChangeABit) {
  const int ranks = GetParam();
  constexpr size_t kCount = 50'000;
  const auto run = [&](size_t chunk) {
    Cluster cluster(ranks);
    std::vector<float> result(kCount);
    for (size_t begin = 0; begin < kCount; begin += chunk) {
      const size_t n = std::min(chunk, kCount - begin);
      for (int rank = 0; rank < ranks; ++rank) {
        const auto values = random_values(rank, kCount);
        for (size_t i = 0; i < n; ++i) cluster.data<float>(rank)[i] = static_cast<float>(values[begin + i]);
      }
      cluster.request_all(RelayOp::kAllReduceSum, RelayDtype::kFloat32, n);
      EXPECT_TRUE(cluster.settle());
      std::copy_n(cluster.data<float>(ranks - 1), n, result.begin() + static_cast<std::ptrdiff_t>(begin));
    }
    return result;
  };
  EXPECT_EQ(run(kCount), run(9'999));
}

TEST_P(Ranks, BroadcastGivesEveryoneTheRootsData) {
  const int ranks = GetParam();
  const auto root = static_cast<uint32_t>(ranks - 1);
  Cluster cluster(ranks);
  for (int rank = 0; rank < ranks; ++rank) {
    for (int i = 0; i < 9; ++i) cluster.data<uint8_t>(rank)[i] = static_cast<uint8_t>(100 * rank + i);
  }
  cluster.request_all(RelayOp::kBroadcast, RelayDtype::kUInt8, 9, root);
  ASSERT_TRUE(cluster.settle());
  for (int rank = 0; rank < ranks; ++rank) {
    EXPECT_EQ(std::memcmp(cluster.data<uint8_t>(rank), cluster.data<uint8_t>(static_cast<int>(root)), 9), 0);
    EXPECT_EQ(cluster.data<uint8_t>(rank)[8], static_cast<uint8_t>(100 * root + 8));
  }
}

TEST_P(Ranks, AllGatherPutsTheRanksInOrder) {
  const int ranks = GetParam();
  Cluster cluster(ranks);
  for (int rank = 0; rank < ranks; ++rank) {
    for (int i = 0; i < 3; ++i) cluster.data<int32_t>(rank)[i] = 10 * rank + i;
  }
  cluster.request_all(RelayOp::kAllGather, RelayDtype::kInt32, 3);
  ASSERT_TRUE(cluster.settle());
  for (int rank = 0; rank < ranks; ++rank) {
    for (int i = 0; i < 3 * ranks; ++i) EXPECT_EQ(cluster.data<int32_t>(rank)[i], 10 * (i / 3) + i % 3);
  }
}

TEST_P(Ranks, NobodyPassesABarrierBeforeTheLastHasCome) {
  const int ranks = GetParam();
  Cluster cluster(ranks);
  for (int rank = 0; rank + 1 < ranks; ++rank) cluster.request(rank, RelayOp::kBarrier, RelayDtype::kUInt8, 0);
  if (ranks > 1) {
    EXPECT_FALSE(cluster.settle());
  }
  cluster.request(ranks - 1, RelayOp::kBarrier, RelayDtype::kUInt8, 0);
  EXPECT_TRUE(cluster.settle());
  for (const auto& segment : cluster.segments) EXPECT_EQ(segment->result, RelayResult::kOk);
}

TEST(RelayGang, ARankThatRunsAheadDoesNotConfuseTheOthers) {
  Cluster cluster(3);
  // Rank 0 broadcasts twice before anyone has looked at the first.
  for (const int value : {7, 8}) {
    cluster.data<int32_t>(0)[0] = value;
    cluster.request(0, RelayOp::kBroadcast, RelayDtype::kInt32, 1);
    ASSERT_TRUE(cluster.gangs[0]->progress(cluster.now));
  }
  for (const int value : {7, 8}) {
    for (const int rank : {1, 2}) cluster.request(rank, RelayOp::kBroadcast, RelayDtype::kInt32, 1);
    ASSERT_TRUE(cluster.settle());
    EXPECT_EQ(cluster.data<int32_t>(1)[0], value);
    EXPECT_EQ(cluster.data<int32_t>(2)[0], value);
  }
}

TEST(RelayGang, ADeadlineNamesTheMissingRanksAndEndsTheGang) {
  Cluster cluster(3);
  cluster.segments[0]->deadline_ms = 1000;
  cluster.request(0, RelayOp::kAllReduceSum, RelayDtype::kFloat32, 4);
  cluster.request(2, RelayOp::kAllReduceSum, RelayDtype::kFloat32, 4);
  EXPECT_FALSE(cluster.gangs[0]->progress(cluster.now + 999ms));
  EXPECT_TRUE(cluster.gangs[0]->progress(cluster.now + 1000ms));
  EXPECT_EQ(cluster.segments[0]->result, RelayResult::kTimedOut);
  EXPECT_THAT(cluster.segments[0]->message, HasSubstr("nothing came from rank 1"));
  // The waiting third hears of it at once ...
  EXPECT_TRUE(cluster.gangs[2]->progress(cluster.now + 1001ms));
  EXPECT_EQ(cluster.segments[2]->result, RelayResult::kAborted);
  // ... and later requests end at once.
  cluster.request(0, RelayOp::kBarrier, RelayDtype::kUInt8, 0);
  EXPECT_TRUE(cluster.gangs[0]->progress(cluster.now));
  EXPECT_EQ(cluster.segments[0]->result, RelayResult::kAborted);
}

TEST(RelayGang, TheDefaultDeadlineIsFiveMinutes) {
  Cluster cluster(2);
  cluster.request(0, RelayOp::kBarrier, RelayDtype::kUInt8, 0);
  EXPECT_FALSE(cluster.gangs[0]->progress(cluster.now + 299s));
  EXPECT_TRUE(cluster.gangs[0]->progress(cluster.now + 300s));
  EXPECT_EQ(cluster.segments[0]->result, RelayResult::kTimedOut);
}

TEST(RelayGang, AbortEndsTheRequestInProgressWithItsText) {
  Cluster cluster(2);
  cluster.request(0, RelayOp::kBarrier, RelayDtype::kUInt8, 0);
  cluster.gangs[0]->abort("cancelled by the coordinator", cluster.now);
  EXPECT_TRUE(cluster.gangs[0]->progress(cluster.now));
  EXPECT_EQ(cluster.segments[0]->result, RelayResult::kAborted);
  EXPECT_STREQ(cluster.segments[0]->message, "cancelled by the coordinator");
  // Rank 0 had come to the barrier, so rank 1 passes it; not the next one.
  cluster.request(1, RelayOp::kBarrier, RelayDtype::kUInt8, 0);
  EXPECT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.segments[1]->result, RelayResult::kOk);
  cluster.request(1, RelayOp::kBarrier, RelayDtype::kUInt8, 0);
  EXPECT_TRUE(cluster.settle());
  EXPECT_THAT(cluster.segments[1]->message, HasSubstr("rank 0 has left the gang"));
}

TEST(RelayGang, APeerThatLeavesInOrderDoesNotDisturbWhatItHasFinished) {
  Cluster cluster(3);
  cluster.data<int32_t>(0)[0] = 5;
  cluster.request(0, RelayOp::kBroadcast, RelayDtype::kInt32, 1);
  ASSERT_TRUE(cluster.gangs[0]->progress(cluster.now));
  cluster.gangs[0]->close(cluster.now);
  for (const int rank : {1, 2}) cluster.request(rank, RelayOp::kBroadcast, RelayDtype::kInt32, 1);
  EXPECT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.segments[1]->result, RelayResult::kOk);
  EXPECT_EQ(cluster.data<int32_t>(2)[0], 5);
}

TEST(RelayGang, APeerThatCannotBeReachedAborts) {
  Cluster cluster(2);
  cluster.network->lost.insert(9);
  cluster.request(0, RelayOp::kBarrier, RelayDtype::kUInt8, 0);
  EXPECT_TRUE(cluster.gangs[0]->progress(cluster.now));
  EXPECT_EQ(cluster.segments[0]->result, RelayResult::kAborted);
  EXPECT_THAT(cluster.segments[0]->message, HasSubstr("rank 1 cannot be reached"));
}

TEST(RelayGang, RanksThatDisagreeAreTold) {
  Cluster cluster(2);
  cluster.request(0, RelayOp::kAllReduceSum, RelayDtype::kFloat32, 4);
  cluster.request(1, RelayOp::kAllReduceSum, RelayDtype::kFloat32, 5);
  EXPECT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.segments[0]->result, RelayResult::kAborted);
  EXPECT_THAT(cluster.segments[0]->message, HasSubstr("the ranks disagree"));
}

TEST(RelayGang, RequestsBeyondTheSegmentAreUnsupported) {
  Cluster cluster(2);
  cluster.request(0, RelayOp::kAllGather, RelayDtype::kFloat64,
                  worker::kRelayDataBytes / 8);  // one rank's share fits, two do not
  EXPECT_TRUE(cluster.gangs[0]->progress(cluster.now));
  EXPECT_EQ(cluster.segments[0]->result, RelayResult::kUnsupported);
  Cluster other(2);
  other.request(1, static_cast<RelayOp>(77), RelayDtype::kFloat32, 1);
  EXPECT_TRUE(other.gangs[1]->progress(other.now));
  EXPECT_EQ(other.segments[1]->result, RelayResult::kUnsupported);
}

TEST(RelayGang, ADrainedGangLeavesNothingForTheNextAttempt) {
  Cluster first(3);
  // Rank 0 and 1 are inside a collective, rank 2 never comes; then all are told to stop.
  first.request(0, RelayOp::kAllReduceSum, RelayDtype::kFloat32, 100'000);
  first.request(1, RelayOp::kAllReduceSum, RelayDtype::kFloat32, 100'000);
  EXPECT_FALSE(first.settle());
  for (auto& gang : first.gangs) gang->abort("stop", first.now);
  first.settle();
  for (int round = 0; round < 3; ++round) {
    for (auto& gang : first.gangs) gang->drain(first.now);
  }
  for (auto& gang : first.gangs) EXPECT_TRUE(gang->drain(first.now));
  EXPECT_EQ(first.network->waiting(), 0U);
  // The next attempt has another tag, and the same members.
  Cluster second(3, kTag + 1, first.network);
  for (int rank = 0; rank < 3; ++rank) second.data<int32_t>(rank)[0] = rank + 1;
  second.request_all(RelayOp::kAllReduceSum, RelayDtype::kInt32, 1);
  EXPECT_TRUE(second.settle());
  EXPECT_EQ(second.data<int32_t>(2)[0], 6);
}

TEST(RelayGang, MessagesOfAnotherAttemptAreNotSeen) {
  auto network = std::make_shared<MemoryNetwork>();
  Cluster stale(2, 5, network);
  stale.data<int32_t>(1)[0] = 1'000'000;
  stale.request(1, RelayOp::kAllReduceSum, RelayDtype::kInt32, 1);  // rank 0 of that attempt never takes it
  Cluster fresh(2, 6, network);
  for (int rank = 0; rank < 2; ++rank) fresh.data<int32_t>(rank)[0] = 1;
  fresh.request_all(RelayOp::kAllReduceSum, RelayDtype::kInt32, 1);
  EXPECT_TRUE(fresh.settle());
  EXPECT_EQ(fresh.data<int32_t>(0)[0], 2);
}

TEST(RelayGang, DrainingGivesUpAPeerThatNeverLeaves) {
  Cluster cluster(2);
  cluster.gangs[0]->close(cluster.now);
  EXPECT_FALSE(cluster.gangs[0]->drain(cluster.now + RelayGang::kDrain - 1ms));
  EXPECT_TRUE(cluster.gangs[0]->drain(cluster.now + RelayGang::kDrain));
}

}  // namespace
}  // namespace autonorm::agent
