#include "worker/control_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace autonorm::worker {
namespace {

using ::testing::HasSubstr;

std::vector<Command> every_command() {
  RunCommand run{.trial = std::string(64, 'a'),
                 .attempt = 3,
                 .directory = "/d/é",
                 .config_file = "/d/trial.json",
                 .device = "cuda:1",
                 .rank = 1,
                 .size = 2,
                 .listen_host = "node1",
                 .resume = "/d/checkpoints/step-10",
                 .inputs = {{"teacher", "/d/inputs/teacher"}}};
  RunCommand plain;
  return {run,
          plain,
          JoinCommand{"127.0.0.1:4711"},
          StopCommand{StopKind::kCheckpoint},
          StopCommand{StopKind::kNow},
          ExitCommand{}};
}

std::vector<TrainerEvent> every_event() {
  return {HelloEvent{kControlVersion, 77, "2.11.0", "AVX2"},
          ReadyEvent{"listening", "host:1"},
          TickEvent{5, 10, "training", 0.25, 1e5},
          MetricsEvent{{{"train/loss", 10, 0.1}, {"train/lr", 10, -std::numeric_limits<double>::infinity()}}},
          NormStatEvent{"block0.pre_attn", 4, {{"w0", 0.5}, {"w1", std::numeric_limits<double>::infinity()}}},
          CheckpointEvent{100, "/d/checkpoints/step-100"},
          LogEvent{"info", "a \"quoted\" line\nand another\ttab"},
          FinishedEvent{
              true, {{"test/accuracy", 0.97}}, {{"weights_sha256", "ab"}}, {{"w [2, 3]", "cd"}}, {{"model", "/d/m"}}},
          FailedEvent{"device_oom", "CUDA out of memory"},
          StoppedEvent{42}};
}

TEST(ControlProtocol, EveryCommandSurvivesTheWire) {
  for (const Command& command : every_command()) {
    const std::string line = encode(command);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto back = decode_command(line);
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_EQ(*back, command) << line;
  }
}

TEST(ControlProtocol, EveryEventSurvivesTheWire) {
  for (const TrainerEvent& event : every_event()) {
    const std::string line = encode(event);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto back = decode_event(line);
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_EQ(*back, event) << line;
  }
}

TEST(ControlProtocol, NaNTravelsAsAString) {
  const std::string line = encode(TrainerEvent{TickEvent{1, 2, "training", std::nan(""), 0}});
  EXPECT_THAT(line, HasSubstr("\"loss\":\"nan\""));
  const auto back = decode_event(line);
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(std::isnan(std::get<TickEvent>(*back).loss));
}

TEST(ControlProtocol, DoublesKeepEveryBit) {
  const double value = 0.1 + 0.2;
  const auto back = decode_event(encode(TrainerEvent{MetricsEvent{{{"m", 1, value}, {"m", 2, 5e-324}}}}));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(std::get<MetricsEvent>(*back).points[0].value, value);
  EXPECT_EQ(std::get<MetricsEvent>(*back).points[1].value, 5e-324);
}

TEST(ControlProtocol, BytesThatAreNotUtf8AreReplacedNotThrown) {
  const auto back = decode_event(encode(TrainerEvent{LogEvent{"info", "bad \xff byte"}}));
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_THAT(std::get<LogEvent>(*back).text, HasSubstr("bad "));
}

struct Wrong {
  const char* line;
  const char* says;
};
class WrongEvents : public ::testing::TestWithParam<Wrong> {};
TEST_P(WrongEvents, AreRefusedNamingTheField) {
  const auto result = decode_event(GetParam().line);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), Code::kInvalid);
  EXPECT_THAT(result.status().message(), HasSubstr(GetParam().says));
}
INSTANTIATE_TEST_SUITE_P(
    ControlProtocol, WrongEvents,
    ::testing::Values(Wrong{"", "no JSON object"}, Wrong{"[1]", "no JSON object"},
                      Wrong{R"({"type":"stopped","step":1)", "no JSON object"},
                      Wrong{R"({"step":1})", "'type' is missing"},
                      Wrong{R"({"type":"run"})", "type 'run' is not known"},
                      Wrong{R"({"type":"stopped"})", "field 'step' is missing"},
                      Wrong{R"({"type":"stopped","step":1.5})", "field 'step'"},
                      Wrong{R"({"type":"stopped","step":18446744073709551615})", "field 'step'"},
                      Wrong{R"({"type":"stopped","step":1,"extra":2})", "unknown field"},
                      Wrong{R"({"type":"hello","protocol":9999999999,"pid":1,"torch":"","cpu_capability":""})",
                            "field 'protocol'"},
                      Wrong{R"({"type":"metrics","points":[["m",1]]})", "field 'points'"},
                      Wrong{R"({"type":"finished","diverged":0,"results":{},"facts":{},"initial":{},"artifacts":{}})",
                            "field 'diverged'"}));

TEST(ControlProtocol, ALineBeyondTheLimitIsRefusedAndShownShortened) {
  const std::string line = encode(TrainerEvent{LogEvent{"info", std::string(kMaxControlLine, 'x')}});
  const auto result = decode_event(line);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.status().message(), HasSubstr("longer than"));
  EXPECT_LT(result.status().message().size(), 400U);
}

TEST(ControlProtocol, AnUnknownStopKindIsRefused) {
  const auto result = decode_command(R"({"type":"stop","kind":"soon"})");
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.status().message(), HasSubstr("field 'kind'"));
}

}  // namespace
}  // namespace autonorm::worker
