// A worker as a rank of a gang.
#include <gmock/gmock.h>

#include "tests/unit/agent/one_worker.h"
#include "worker/agent/relay/relay_message.h"

namespace autonorm::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

// Rank 1 of a gang of two, without a step to make.
fleet::Start second_member(const fleet::AttemptKey& key) {
  fleet::Start member = start(key, R"({"steps": 0})");
  member.gang.rank = 1;
  member.gang.members = {{WorkerId("other"), 5, "h"}, {WorkerId("worker-1"), 0, "h"}};
  member.gang.tag = 12;
  return member;
}

// The leader may be up before this rank's checkpoint is here; forgotten, the gang would wait for its start_timeout.
TEST_F(Story, ARendezvousThatComesBeforeTheCheckpointIsKept) {
  const std::string state = "weights";
  const Sha256 manifest = add_checkpoint(artifacts, state);
  Life life(folder.path(), artifacts);
  life.welcome();
  fleet::Start member = second_member(key());
  member.resume = fleet::ResumePoint{manifest, 9};
  life.link.say(fleet::ToWorker(member));
  life.link.say(fleet::ToWorker(fleet::Rendezvous{key(), "127.0.0.1:4711"}));
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  EXPECT_THAT(life.link.bodies<fleet::Finished>(), ElementsAre(fleet::Finished{}));
}

TEST_F(Story, ARendezvousThatComesBeforeTheLastTrainerHasGoneIsKept) {
  Life life(folder.path(), artifacts);
  life.welcome();
  ASSERT_NO_FATAL_FAILURE(train_endlessly(life));
  life.link.say(fleet::ToWorker(second_member(key(2))));
  life.link.say(fleet::ToWorker(fleet::Rendezvous{key(2), "127.0.0.1:4711"}));
  ASSERT_TRUE(life.until([&] { return life.link.freed(key(2)); }));
  EXPECT_THAT(life.link.bodies<fleet::Finished>(), ElementsAre(fleet::Finished{}));
}

// Rank 0 leaves within the first collective.
void lose_the_leader(Life& life) {
  life.network.queues[{5, 0, 12}].push_back(make_leave(PartKind::kAbort));
  fleet::Start member = second_member(key());
  member.config = R"({"fake":{"steps": 1}})";
  life.link.say(fleet::ToWorker(member));
  life.link.say(fleet::ToWorker(fleet::Rendezvous{key(), "127.0.0.1:4711"}));
}

TEST_F(Story, ARankThatSeesABrokenCollectiveLetsTheOneWithTheCauseSpeakFirst) {
  Life life(folder.path(), artifacts, std::chrono::hours(1));
  life.welcome();
  lose_the_leader(life);
  ASSERT_TRUE(life.until([&] { return life.supervisor.has_process() && !life.supervisor.running(); }));
  life.say(fleet::Stop{key(), fleet::StopMode::kKill, EndReason::kStalled, "rank 0 was silent"});
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  EXPECT_THAT(life.link.bodies<fleet::Failed>(), IsEmpty());
}

TEST_F(Story, ABrokenCollectiveIsSaidWhenNobodySaysTheCause) {
  Life life(folder.path(), artifacts, 100ms);
  life.welcome();
  lose_the_leader(life);
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  ASSERT_THAT(life.link.bodies<fleet::Failed>(), SizeIs(1));
  EXPECT_EQ(life.link.bodies<fleet::Failed>()[0].reason, EndReason::kCollectiveAborted);
  EXPECT_EQ(life.link.bodies<fleet::Failed>()[0].message, "rank 0 has left the gang");
}

TEST_F(Story, TheOtherRanksEmptyFinishedEndsTheirAttempt) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(second_member(key()));
  ASSERT_TRUE(life.until([&] { return !life.supervisor.torch().empty(); }));
  life.say(fleet::Rendezvous{key(), "127.0.0.1:4711"});
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  EXPECT_THAT(life.link.bodies<fleet::Finished>(), ElementsAre(fleet::Finished{}));
}

// Found by a gang that was preempted: its trial was given to the leaving worker again, or ended without a checkpoint.
TEST_F(Story, ARankThatLeavesWaitsForItsLeaderAndDoesNotOfferItsSlot) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(second_member(key()));  // which waits for its leader
  ASSERT_TRUE(life.until([&] { return !life.supervisor.torch().empty(); }));
  life.agent.request_stop("terminated");
  ASSERT_TRUE(life.until([&] { return !life.link.bodies<fleet::Finished>().empty() && life.supervisor.slot_free(); }));
  life.acknowledge(key());
  life.agent.step();
  EXPECT_FALSE(std::holds_alternative<fleet::Goodbye>(life.link.sent.back()));
  EXPECT_THAT(life.dir.open_attempts(), ElementsAre(key()));
  life.say(fleet::Stop{key(), fleet::StopMode::kKill, EndReason::kPreempted, "rank 0 has written its checkpoint"});
  ASSERT_TRUE(life.until([&] { return std::holds_alternative<fleet::Goodbye>(life.link.sent.back()); }));
  EXPECT_FALSE(life.link.freed(key()));
}

}  // namespace
}  // namespace autonorm::agent
