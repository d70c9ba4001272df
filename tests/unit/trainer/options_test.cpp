#include "worker/trainer/options.h"

#include "gmock/gmock.h"

namespace autonorm::trainer {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Result<Options> parse(const std::vector<std::string>& words) { return parse_options(words); }
std::string failure_of(const std::vector<std::string>& words) {
  const auto options = parse(words);
  return options.ok() ? "it was accepted" : options.status().message();
}

TEST(Options, Run) {
  const auto options = parse({"run", "t.json", "--output", "out", "--resume", "--device=cuda:1", "--data", "a",
                              "--data=b", "--input", "teacher=/x/step-3", "--quiet"});
  ASSERT_TRUE(options.ok()) << options.status().message();
  const auto& run = std::get<RunOptions>(*options);
  EXPECT_EQ(run.config, "t.json");
  EXPECT_EQ(run.output, "out");
  EXPECT_TRUE(run.resume);
  EXPECT_TRUE(run.quiet);
  EXPECT_EQ(run.device, "cuda:1");
  EXPECT_THAT(run.data, ElementsAre("a", "b"));
  EXPECT_EQ(run.inputs.at("teacher"), "/x/step-3");
}

TEST(Options, RunNeedsOneFile) {
  EXPECT_THAT(failure_of({"run"}), HasSubstr("needs one configuration file, found 0"));
  EXPECT_THAT(failure_of({"run", "a", "b"}), HasSubstr("found 2"));
}

TEST(Options, Serve) {
  const auto options = parse({"serve", "--parent", "12", "--in", "3", "--out", "4", "--relay", "5", "--relay-request",
                              "6", "--relay-completion", "7"});
  ASSERT_TRUE(options.ok());
  const auto& serve = std::get<ServeOptions>(*options);
  EXPECT_EQ(serve.parent, 12);
  EXPECT_EQ(serve.in, 3);
  EXPECT_EQ(serve.out, 4);
  ASSERT_TRUE(serve.relay.has_value());
  EXPECT_EQ(serve.relay->completion, 7);
  EXPECT_FALSE(std::get<ServeOptions>(*parse({"serve", "--parent=1", "--in=3", "--out=4"})).relay.has_value());
}

TEST(Options, ServeIsStrict) {
  EXPECT_THAT(failure_of({"serve", "--in", "3", "--out", "4"}), HasSubstr("needs --parent"));
  EXPECT_THAT(failure_of({"serve", "--parent", "1", "--in", "3", "--out", "4", "--relay", "5"}),
              HasSubstr("go together"));
  EXPECT_THAT(failure_of({"serve", "--parent", "x"}), HasSubstr("--parent x: expected a whole number"));
}

TEST(Options, Probe) {
  const ProbeOptions probe = std::get<ProbeOptions>(*parse({"probe", "s", "i", "o"}));
  EXPECT_EQ(probe.out, "o");
  EXPECT_TRUE(std::get<ProbeOptions>(*parse({"probe", "--names", "s"})).names);
  EXPECT_THAT(failure_of({"probe", "s", "i"}), HasSubstr("SPEC.json IN.safetensors OUT.safetensors"));
}

TEST(Options, TypingErrorsAreAnsweredWithTheNearestWord) {
  EXPECT_THAT(failure_of({"rnu", "x"}), HasSubstr("did you mean run?"));
  EXPECT_THAT(failure_of({"run", "x", "--outptu", "y"}),
              AllOf(HasSubstr("did you mean --output?"), HasSubstr("--resume")));
  EXPECT_THAT(failure_of({"run", "x", "--output"}), HasSubstr("--output needs a value"));
  EXPECT_THAT(failure_of({"run", "x", "--resume=1"}), HasSubstr("--resume takes no value"));
  EXPECT_THAT(failure_of({"run", "x", "--input", "teacher"}), HasSubstr("STAGE=FOLDER"));
  EXPECT_THAT(failure_of({}), HasSubstr("run, serve, probe"));
}

TEST(Options, HelpSaysEveryVerbFlagAndExitCode) {
  const std::string help = std::get<ShowText>(*parse({"run", "--help"})).text;
  for (const char* word : {"trainer run FILE", "--output", "--resume", "--device", "--data", "--input", "--quiet",
                           "trainer probe", "--names", "trainer serve", "AUTONORM_DATA", "Exit codes", "Example"}) {
    EXPECT_THAT(help, HasSubstr(word));
  }
  EXPECT_THAT(std::get<ShowText>(*parse({"--version"})).text,
              testing::MatchesRegex("trainer [0-9.]+, torch [0-9.]+.*, build [0-9a-f]+\n"));
}

}  // namespace
}  // namespace autonorm::trainer
