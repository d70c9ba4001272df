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
