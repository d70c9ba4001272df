#include "proto/codec/fleet_codec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "autonorm/v1/fleet.pb.h"
#include "tests/unit/codec/random_messages.h"

namespace autonorm::codec {
namespace {

// Through the bytes of the wire, not only through the generated class.
template <class Wire, class Message>
Message round_trip(const Message& message) {
  Wire received;
  EXPECT_TRUE(received.ParseFromString(encode(message).SerializeAsString()));
  auto decoded = decode(received);
  EXPECT_TRUE(decoded.ok()) << decoded.status().message();
  return decoded.ok() ? *decoded : Message{};
}

class EveryWorkerMessage : public testing::TestWithParam<size_t> {};
TEST_P(EveryWorkerMessage, SurvivesTheWire) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const auto message = RandomMessages(seed).to_coordinator(GetParam());
    ASSERT_EQ(message.index(), GetParam());
    ASSERT_TRUE((round_trip<v1::WorkerMessage>(message) == message)) << "seed " << seed;
  }
}
INSTANTIATE_TEST_SUITE_P(Fleet, EveryWorkerMessage,
                         testing::Range<size_t>(0, std::variant_size_v<fleet::ToCoordinator>));

class EveryCoordinatorMessage : public testing::TestWithParam<size_t> {};
TEST_P(EveryCoordinatorMessage, SurvivesTheWire) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const auto message = RandomMessages(seed).to_worker(GetParam());
    ASSERT_EQ(message.index(), GetParam());
    ASSERT_TRUE((round_trip<v1::CoordinatorMessage>(message) == message)) << "seed " << seed;
  }
}
INSTANTIATE_TEST_SUITE_P(Fleet, EveryCoordinatorMessage,
                         testing::Range<size_t>(0, std::variant_size_v<fleet::ToWorker>));

TEST(FleetCodec, DefaultValuesThatAreValidSurvive) {
  const fleet::ToWorker drain = fleet::Drain{};
  EXPECT_TRUE((round_trip<v1::CoordinatorMessage>(drain) == drain));
  const fleet::ToCoordinator heartbeat = fleet::Heartbeat{};
  EXPECT_TRUE((round_trip<v1::WorkerMessage>(heartbeat) == heartbeat));
}

TEST(FleetCodec, ALossThatIsNotYetKnownStaysNotANumber) {
  RandomMessages random(1);
  const fleet::ToCoordinator beat = fleet::Heartbeat{{{.key = random.key(), .phase = "loading", .loss = std::nan("")}}};
  const auto received = round_trip<v1::WorkerMessage>(beat);
  EXPECT_TRUE(std::isnan(std::get<fleet::Heartbeat>(received).attempts.at(0).loss));
}

TEST(FleetCodec, ALogLineNeedNotBeText) {
  RandomMessages random(2);
  const fleet::ToCoordinator line =
      fleet::Event{random.key(), Seq(1), fleet::LogLine{"info", std::string("\xff\xfe\0x", 4)}};
  EXPECT_TRUE((round_trip<v1::WorkerMessage>(line) == line));
}

TEST(FleetCodec, EveryEndReasonSurvives) {
  RandomMessages random(3);
  for (int i = 0; i <= static_cast<int>(EndReason::kParent); ++i) {
    const fleet::ToCoordinator failed =
        fleet::Event{random.key(), Seq(9), fleet::Failed{static_cast<EndReason>(i), "", 0, 0, {}, {}}};
    EXPECT_TRUE((round_trip<v1::WorkerMessage>(failed) == failed)) << name(static_cast<EndReason>(i));
  }
}

}  // namespace
}  // namespace autonorm::codec
