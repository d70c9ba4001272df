// What a worker does with checkpoints and with inputs of an attempt.
#include <gmock/gmock.h>

#include "tests/unit/agent/one_worker.h"

namespace autonorm::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(Story, AStopAtACheckpointDeliversTheCheckpointFirst) {
  Life life(folder.path(), artifacts);
  life.welcome();
  ASSERT_NO_FATAL_FAILURE(train_endlessly(life));
  life.say(fleet::Stop{key(), fleet::StopMode::kCheckpointThenStop, EndReason::kPreempted, "paused"});
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  ASSERT_THAT(life.link.bodies<fleet::CheckpointSaved>(), SizeIs(1));
  ASSERT_THAT(life.link.bodies<fleet::Failed>(), SizeIs(1));
  EXPECT_EQ(life.link.bodies<fleet::Failed>()[0].reason, EndReason::kPreempted);
  EXPECT_EQ(life.link.bodies<fleet::Failed>()[0].message, "paused");
}

// The trainer saves a step and is asked to stop before the next one: both events mean one folder, and neither has been
// delivered yet.
TEST_F(Story, TwoCheckpointsOfOneStepAreDeliveredAsOne) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(start(key(), R"({"steps": 2, "step_ms": 1000000, "checkpoint_every": 1})"));
  life.link.say(SessionEnded{unavailable("the network is away")});
  const auto saved = life.dir.folder(key()) / "outbox/step-1";
  ASSERT_TRUE(life.until([&] { return std::filesystem::exists(saved / "manifest.json"); }));
  ASSERT_THAT(life.link.bodies<fleet::CheckpointSaved>(), SizeIs(0));
  life.say(fleet::Stop{key(), fleet::StopMode::kCheckpointThenStop, EndReason::kPreempted, "paused"});
  const auto spool = life.dir.folder(key()) / "events.jsonl";
  ASSERT_TRUE(life.until([&] { return read_file(spool)->find("paused") != std::string::npos; }));
  fleet::Welcome again;
  again.keep = {key()};
  life.welcome(again);
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  ASSERT_THAT(life.link.bodies<fleet::CheckpointSaved>(), SizeIs(1));
  EXPECT_EQ(life.link.bodies<fleet::CheckpointSaved>()[0].step, 1);
}

TEST_F(Story, AResumeUsesTheLocalCheckpointWhenItsHashFits) {
  Life life(folder.path(), artifacts);
  life.welcome();
  ASSERT_NO_FATAL_FAILURE(train_endlessly(life));
  life.say(fleet::Stop{key(), fleet::StopMode::kCheckpointThenStop, EndReason::kPreempted, "paused"});
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  life.acknowledge(key());
  const auto saved = life.link.bodies<fleet::CheckpointSaved>().at(0);
  fleet::Start again = start(key(2), "{\"steps\": " + std::to_string(saved.step + 2) + "}");
  again.resume = fleet::ResumePoint{saved.manifest, saved.step};
  life.say(again);
  ASSERT_TRUE(life.until([&] { return life.link.freed(key(2)); }));
  EXPECT_THAT(life.link.bodies<fleet::Finished>(), SizeIs(1));
  EXPECT_EQ(life.link.bodies<fleet::Metrics>().back().points.front().step, saved.step + 1);
  EXPECT_EQ(artifacts.gets(), 0);
}

TEST_F(Story, InputsAreFetchedAndVerifiedBeforeTheTrainerStarts) {
  const std::string state = "teacher weights";
  const Sha256 manifest = add_checkpoint(artifacts, state);
  Life life(folder.path(), artifacts);
  life.welcome();
  fleet::Start with_teacher = start(key(), R"({"at": 1, "do": "hang"})");
  with_teacher.inputs = {{"teacher", manifest}};
  life.say(with_teacher);
  ASSERT_TRUE(life.until([&] { return !life.link.bodies<fleet::Ready>().empty(); }));
  EXPECT_EQ(*read_file(life.dir.folder(key()) / "inputs/teacher/state.bin"), state);
}

TEST_F(Story, AnArtifactThatNobodyHasFailsTheAttemptAsDataMissing) {
  Life life(folder.path(), artifacts);
  life.welcome();
  fleet::Start with_teacher = start(key(), "{}");
  with_teacher.inputs = {{"teacher", Sha256(std::string(64, 'e'))}};
  life.say(with_teacher);
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  ASSERT_THAT(life.link.bodies<fleet::Failed>(), SizeIs(1));
  EXPECT_EQ(life.link.bodies<fleet::Failed>()[0].reason, EndReason::kDataMissing);
  EXPECT_THAT(life.link.bodies<fleet::Failed>()[0].message, HasSubstr("inputs/teacher"));
  EXPECT_EQ(life.link.bodies<fleet::Failed>()[0].unusable, Sha256(std::string(64, 'e')))
      << "so that the coordinator can choose another beginning";
}

}  // namespace
}  // namespace autonorm::agent
