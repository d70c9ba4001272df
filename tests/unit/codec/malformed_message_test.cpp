// What a decoder must refuse, and how it says so.
#include <gtest/gtest.h>

#include "autonorm/v1/fleet.pb.h"
#include "proto/codec/fleet_codec.h"
#include "tests/unit/codec/random_messages.h"

namespace autonorm::codec {
namespace {

template <class Wire>
std::string refusal(const Wire& wire) {
  const auto decoded = decode(wire);
  EXPECT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.status().code(), Code::kInvalid);
  return decoded.status().message();
}

v1::WorkerMessage valid_event() {
  RandomMessages random(7);
  return encode(fleet::ToCoordinator(fleet::Event{random.key(), Seq(1), fleet::Ready{"joined", ""}}));
}
v1::CoordinatorMessage valid_start() { return encode(RandomMessages(7).to_worker(2)); }

TEST(MalformedMessage, WithoutABody) {
  EXPECT_EQ(refusal(v1::WorkerMessage()), "WorkerMessage.body is missing or of a kind that this version does not know");
  EXPECT_EQ(refusal(v1::CoordinatorMessage()),
            "CoordinatorMessage.body is missing or of a kind that this version does not know");
}

TEST(MalformedMessage, EventWithoutABody) {
  auto wire = valid_event();
  wire.mutable_event()->clear_body();
  EXPECT_EQ(refusal(wire), "Event.body is missing or of a kind that this version does not know");
}

TEST(MalformedMessage, IdentifiersThatAreNotHex) {
  auto wire = valid_event();
  wire.mutable_event()->mutable_key()->set_trial("t1");
  EXPECT_EQ(refusal(wire), "Event.key.trial must be 64 lower-case hex digits");
  wire = valid_event();
  wire.mutable_event()->mutable_key()->set_token(std::string(32, 'G'));
  EXPECT_EQ(refusal(wire), "Event.key.token must be 32 lower-case hex digits");
}

TEST(MalformedMessage, NumbersOutOfRange) {
  auto wire = valid_event();
  wire.mutable_event()->mutable_key()->set_attempt(0);
  EXPECT_EQ(refusal(wire), "Event.key.attempt is 0; allowed is 1 to 2147483647");
  wire = valid_event();
  wire.mutable_event()->set_seq(0);
  EXPECT_EQ(refusal(wire), "Event.seq is 0; allowed is 1 to 9223372036854775807");
}

TEST(MalformedMessage, AnUnknownReadyState) {
  auto wire = valid_event();
  wire.mutable_event()->mutable_ready()->set_state("almost");
  EXPECT_EQ(refusal(wire), "Event.ready.state must be 'listening' or 'joined'");
}

TEST(MalformedMessage, AReasonThatDoesNotFinishATrial) {
  auto wire = valid_event();
  wire.mutable_event()->mutable_finished()->set_reason(v1::END_REASON_STALLED);
  EXPECT_EQ(refusal(wire), "Event.finished.reason is 'stalled'; a finished trial is 'completed' or 'diverged'");
  wire.mutable_event()->mutable_finished()->set_reason(static_cast<v1::EndReason>(99));
  EXPECT_EQ(refusal(wire), "Event.reason is 99, which this version does not know");
}

TEST(MalformedMessage, TheSameMetricTwice) {
  auto wire = valid_event();
  auto& finished = *wire.mutable_event()->mutable_finished();
  finished.set_reason(v1::END_REASON_COMPLETED);
  finished.add_results()->set_name("test/accuracy");
  finished.add_results()->set_name("test/accuracy");
  EXPECT_EQ(refusal(wire), "Event.finished.results names 'test/accuracy' twice");
}

TEST(MalformedMessage, ARankOutsideItsWorld) {
  RandomMessages random(5);
  auto wire = encode(random.to_coordinator(0));
  wire.mutable_hello()->set_mpi_size(2);
  wire.mutable_hello()->set_mpi_rank(2);
  EXPECT_EQ(refusal(wire), "Hello.mpi_rank is 2; allowed is 0 to 1");
}

TEST(MalformedMessage, AHelloOfAnotherVersionStillShowsWhoSpeaks) {
  v1::WorkerMessage wire;
  wire.mutable_hello()->set_protocol(fleet::kProtocolVersion + 1);
  wire.mutable_hello()->set_worker("w");
  wire.mutable_hello()->set_build("9.9");
  wire.mutable_hello()->set_mpi_rank(-4);
  const auto decoded = decode(wire);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  const auto& hello = std::get<fleet::Hello>(*decoded);
  EXPECT_EQ(hello.protocol, fleet::kProtocolVersion + 1);
  EXPECT_EQ(hello.build, "9.9");
}

TEST(MalformedMessage, AStartWithoutConfigurationOrGang) {
  auto wire = valid_start();
  wire.mutable_start()->clear_config();
  EXPECT_EQ(refusal(wire), "Start.config must not be empty");
  wire = valid_start();
  wire.mutable_start()->clear_gang();
  EXPECT_EQ(refusal(wire), "Start.gang.members must not be empty");
}

TEST(MalformedMessage, ADurationThatWouldOverflow) {
  auto wire = valid_start();
  wire.mutable_start()->set_stall_timeout_ms(INT64_MAX);
  EXPECT_EQ(refusal(wire), "Start.stall_timeout_ms is 9223372036854775807; allowed is 0 to 2592000000");
}

TEST(MalformedMessage, AStopWithoutAMode) {
  auto wire = encode(RandomMessages(7).to_worker(4));
  wire.mutable_stop()->clear_mode();
  EXPECT_EQ(refusal(wire), "Stop.mode is 0, which this version does not know");
}

// Flips and cuts the bytes of valid messages: whatever still parses is either refused or a value that survives the wire
// again.
TEST(MalformedMessage, DamagedBytesNeverBreakTheDecoder) {
  int refused = 0, accepted = 0;
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    RandomMessages random(seed);
    std::string bytes = encode(random.to_coordinator(seed % 5)).SerializeAsString();
    if (bytes.empty()) continue;
    bytes[static_cast<size_t>(random.number(0, static_cast<int64_t>(bytes.size()) - 1))] ^=
        static_cast<char>(random.number(1, 255));
    if (seed % 3 == 0) bytes.resize(static_cast<size_t>(random.number(0, static_cast<int64_t>(bytes.size()))));
    v1::WorkerMessage wire;
    if (!wire.ParseFromString(bytes)) continue;
    const auto decoded = decode(wire);
    decoded.ok() ? ++accepted : ++refused;
    if (!decoded.ok()) continue;
    const auto again = decode(encode(*decoded));
    ASSERT_TRUE(again.ok()) << "seed " << seed << ": " << again.status().message();
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace autonorm::codec
