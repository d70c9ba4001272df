// Stories of one worker: attempts from start to free slot, reconnecting, restarts, leaving.
#include <gmock/gmock.h>

#include "tests/unit/agent/one_worker.h"

namespace autonorm::agent {

std::filesystem::path stand_in_trainer() { return AUTONORM_BINARY_DIR "/tests/fake_trainer"; }

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

TEST_F(Story, ATrialFromStartToFreeSlot) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(start(key(), R"({"steps": 4})"));
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  EXPECT_THAT(life.link.bodies<fleet::Ready>(), ElementsAre(fleet::Ready{"joined", ""}));
  const auto finished = life.link.bodies<fleet::Finished>();
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_EQ(finished[0].reason, EndReason::kCompleted);
  EXPECT_EQ(finished[0].results.at("steps"), 4);
  EXPECT_TRUE(artifacts.has(finished[0].artifacts.at("model")));  // before the event was sent
  std::vector<int64_t> steps;
  for (const auto& metrics : life.link.bodies<fleet::Metrics>()) {
    for (const auto& point : metrics.points) steps.push_back(point.step);
  }
  EXPECT_THAT(steps, ElementsAre(1, 2, 3, 4));
  // Numbered without a gap, SlotFree last; retired once acknowledged.
  const auto numbers = life.link.numbers(key());
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], Seq(static_cast<int64_t>(i) + 1));
  EXPECT_TRUE(std::holds_alternative<fleet::SlotFree>(life.link.sent.back()) ||
              std::holds_alternative<fleet::Heartbeat>(life.link.sent.back()));
  EXPECT_THAT(life.dir.open_attempts(), SizeIs(1));
  life.acknowledge(key());
  life.agent.step();
  EXPECT_THAT(life.dir.open_attempts(), IsEmpty());
}

TEST_F(Story, ARepeatedStartIsTheSameAttempt) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(start(key(), R"({"steps": 1000000, "step_ms": 10})"));
  ASSERT_NO_FATAL_FAILURE(train_endlessly(life));
  EXPECT_THAT(life.link.bodies<fleet::Ready>(), SizeIs(1));
}

TEST_F(Story, ACrashIsReportedAndTheNextTrialGetsAFreshTrainer) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(start(key(), R"({"at": 2, "do": "signal", "value": 6, "log": "what a pity"})"));
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  const auto failed = life.link.bodies<fleet::Failed>();
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].reason, EndReason::kTrainerCrashed);
  EXPECT_EQ(failed[0].signal, 6);
  EXPECT_THAT(failed[0].log_tail, ElementsAre("what a pity"));
  life.say(start(key(2), R"({"steps": 1})"));
  ASSERT_TRUE(life.until([&] { return life.link.freed(key(2)); }));
  EXPECT_THAT(life.link.bodies<fleet::Finished>(), SizeIs(1));
}

TEST_F(Story, TrainingGoesOnWhileTheCoordinatorIsAwayAndEverythingIsDeliveredOnce) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(start(key(), R"({"steps": 3, "checkpoint_every": 2})"));
  life.link.say(SessionEnded{unavailable("gone")});
  artifacts.set_away(true);
  ASSERT_TRUE(life.until(
      [&] { return life.link.hellos.size() == 2 && life.supervisor.slot_free() && !life.supervisor.torch().empty(); }));
  EXPECT_THAT(life.link.bodies<fleet::Finished>(), IsEmpty());
  artifacts.set_away(false);
  fleet::Welcome back;
  back.keep = {key()};
  life.welcome(back);
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  const auto numbers = life.link.numbers(key());
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], Seq(static_cast<int64_t>(i) + 1));
  EXPECT_THAT(life.link.bodies<fleet::Finished>(), SizeIs(1));
  const auto checkpoints = life.link.bodies<fleet::CheckpointSaved>();
  ASSERT_THAT(checkpoints, SizeIs(1));
  EXPECT_TRUE(artifacts.has(checkpoints[0].manifest));
}

TEST_F(Story, OfCheckpointsThatCouldNotBeDeliveredOnlyTheNewestIs) {
  artifacts.set_away(true);
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(start(key(), R"({"steps": 8, "checkpoint_every": 2, "at": 8, "do": "exit", "value": 1})"));
  ASSERT_TRUE(life.until(
      [&] { return !life.supervisor.running() && life.supervisor.slot_free() && !life.supervisor.torch().empty(); }));
  EXPECT_THAT(life.link.bodies<fleet::Failed>(), IsEmpty());  // it waits behind the checkpoints
  artifacts.set_away(false);
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  // The first was under way already; 4 and 6 were overtaken; each number was used once.
  std::vector<int64_t> steps;
  for (const auto& saved : life.link.bodies<fleet::CheckpointSaved>()) steps.push_back(saved.step);
  EXPECT_THAT(steps, ElementsAre(2, 8));
  EXPECT_THAT(life.link.bodies<fleet::LogLine>(), SizeIs(2));
  const auto numbers = life.link.numbers(key());
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], Seq(static_cast<int64_t>(i) + 1));
  life.acknowledge(key());
  life.agent.step();
  EXPECT_FALSE(std::filesystem::exists(life.dir.folder(key()) / "outbox"));
}

TEST_F(Story, AfterReconnectingOnlyWhatIsUnacknowledgedIsSentAgain) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(start(key(), R"({"steps": 4})"));
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  const auto all = life.link.numbers(key());
  life.link.say(SessionEnded{unavailable("gone")});
  ASSERT_TRUE(life.until([&] { return life.link.hellos.size() == 2; }));
  EXPECT_THAT(life.link.hellos[1].attempts, ElementsAre(fleet::KnownAttempt{key(), all.back(), true, false}));
  life.link.sent.clear();
  fleet::Welcome back;
  back.keep = {key()};
  back.acked = {{key(), Seq(all.back().value() - 1)}};
  life.welcome(back);
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  EXPECT_THAT(life.link.numbers(key()), ElementsAre(all.back()));
}

TEST_F(Story, ARestartedWorkerDeliversWhatItsPredecessorFinished) {
  {
    Life first(folder.path(), artifacts);
    first.welcome();
    first.say(start(key(), R"({"steps": 4})"));
    ASSERT_TRUE(first.until([&] { return first.link.freed(key()); }));
  }
  Life second(folder.path(), artifacts);
  ASSERT_THAT(second.link.hellos, SizeIs(1));
  EXPECT_EQ(second.link.hellos[0].incarnation, 2);
  ASSERT_THAT(second.link.hellos[0].attempts, SizeIs(1));
  EXPECT_TRUE(second.link.hellos[0].attempts[0].terminal);
  EXPECT_FALSE(second.link.hellos[0].attempts[0].trainer_alive);
  fleet::Welcome keep;
  keep.keep = {key()};
  second.welcome(keep);
  ASSERT_TRUE(second.until([&] { return !second.link.bodies<fleet::Finished>().empty(); }));
  second.acknowledge(key());
  second.agent.step();
  EXPECT_THAT(second.dir.open_attempts(), IsEmpty());
}

TEST_F(Story, ASpoolThatLostItsEndToAPowerCutGivesTheAttemptUp) {
  {
    Life first(folder.path(), artifacts);
    first.welcome();
    first.say(start(key(), R"({"steps": 1000000, "step_ms": 10})"));
    ASSERT_TRUE(first.until([&] { return first.link.numbers(key()).size() >= 3; }));
    std::filesystem::resize_file(first.dir.folder(key()) / "events.jsonl", 5);
  }
  Life second(folder.path(), artifacts);
  fleet::Welcome keep;
  keep.keep = {key()};
  keep.acked = {{key(), Seq(3)}};
  second.welcome(keep);
  EXPECT_TRUE(second.link.freed(key()));
  EXPECT_THAT(second.link.numbers(key()), IsEmpty());  // their numbers are used up
  EXPECT_THAT(second.dir.open_attempts(), IsEmpty());
}

TEST_F(Story, WhatAPredecessorLeftUnfinishedIsReportedLost) {
  {
    Life first(folder.path(), artifacts);
    first.welcome();
    ASSERT_NO_FATAL_FAILURE(train_endlessly(first));
  }
  Life second(folder.path(), artifacts);
  fleet::Welcome keep;
  keep.keep = {key()};
  second.welcome(keep);
  ASSERT_TRUE(second.until([&] { return !second.link.bodies<fleet::Failed>().empty(); }));
  EXPECT_EQ(second.link.bodies<fleet::Failed>()[0].reason, EndReason::kWorkerLost);
  EXPECT_THAT(second.link.bodies<fleet::Failed>()[0].log_tail, ElementsAre("it goes slowly"));
}

TEST_F(Story, WhatAPredecessorLeftIsToldAlsoWhenTheCoordinatorHadGivenItUp) {
  {
    Life first(folder.path(), artifacts);
    first.welcome();
    ASSERT_NO_FATAL_FAILURE(train_endlessly(first));
  }
  Life second(folder.path(), artifacts);
  fleet::Welcome other;
  other.kill = {key()};
  second.welcome(other);
  ASSERT_TRUE(second.until([&] { return second.link.freed(key()); }));
  EXPECT_THAT(second.link.bodies<fleet::Failed>(), IsEmpty());
  EXPECT_THAT(second.link.last_words(key()).log_tail, ElementsAre("it goes slowly"));
}

TEST_F(Story, WhatTheCoordinatorDoesNotKeepIsStoppedAndForgotten) {
  Life life(folder.path(), artifacts);
  life.welcome();
  ASSERT_NO_FATAL_FAILURE(train_endlessly(life));
  life.link.say(SessionEnded{unavailable("gone")});
  ASSERT_TRUE(life.until([&] { return life.link.hellos.size() == 2; }));
  EXPECT_TRUE(life.link.hellos[1].attempts[0].trainer_alive);
  fleet::Welcome other;
  other.kill = {key()};
  life.welcome(other);
  ASSERT_TRUE(life.until([&] { return life.supervisor.slot_free() && life.link.freed(key()); }));
  EXPECT_FALSE(life.supervisor.has_process());
  EXPECT_THAT(life.dir.open_attempts(), IsEmpty());
}

TEST_F(Story, KillStopsTheTrainerAndSaysThatTheSlotIsFreeAndWhatItLeft) {
  Life life(folder.path(), artifacts);
  life.welcome();
  ASSERT_NO_FATAL_FAILURE(train_endlessly(life));
  life.say(fleet::Stop{key(), fleet::StopMode::kKill, EndReason::kCancelled, "cancelled"});
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  EXPECT_THAT(life.link.bodies<fleet::Failed>(), IsEmpty());
  EXPECT_FALSE(life.supervisor.has_process());
  EXPECT_THAT(life.link.last_words(key()).log_tail, ElementsAre("it goes slowly"));
  EXPECT_GT(life.link.last_words(key()).memory.resident_bytes, 0);
}

TEST_F(Story, AFailureThatCameTooLateIsToldWithTheFreeSlot) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(start(key(), R"({"at": 2, "do": "signal", "value": 6, "log": "what a pity"})"));
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  life.link.sent.clear();
  life.say(fleet::Stop{key(), fleet::StopMode::kKill, EndReason::kTimeout, "it had ended before"});
  ASSERT_TRUE(life.until([&] { return life.link.freed(key()); }));
  EXPECT_THAT(life.link.last_words(key()).log_tail, ElementsAre("what a pity"));
}

TEST_F(Story, AStopForSomethingUnknownIsAnsweredWithSlotFree) {
  Life life(folder.path(), artifacts);
  life.welcome();
  life.say(fleet::Stop{key(7), fleet::StopMode::kKill, EndReason::kCancelled, "stale"});
  EXPECT_TRUE(life.link.freed(key(7)));
}

TEST_F(Story, TerminationCheckpointsDeliversAndSaysGoodbye) {
  Life life(folder.path(), artifacts);
  life.welcome();
  ASSERT_NO_FATAL_FAILURE(train_endlessly(life));
  life.agent.request_stop("terminated");
  ASSERT_TRUE(life.until([&] { return !life.link.bodies<fleet::Failed>().empty(); }));
  EXPECT_EQ(life.link.bodies<fleet::Failed>().at(0).reason, EndReason::kPreempted);
  EXPECT_FALSE(life.agent.exit_status().has_value());  // not before the coordinator has it
  life.acknowledge(key());
  life.say(fleet::Stop{key(), fleet::StopMode::kKill, EndReason::kPreempted, "the attempt has ended"});
  ASSERT_TRUE(life.until([&] { return std::holds_alternative<fleet::Goodbye>(life.link.sent.back()); }));
  EXPECT_FALSE(life.link.freed(key()));  // or the slot would be given to another trial
  life.link.say(SessionEnded{});
  ASSERT_TRUE(life.until([&] { return life.agent.exit_status().has_value(); }));
  EXPECT_EQ(life.agent.exit_status(), 0);
}

TEST_F(Story, ARefusedWorkerLeavesWithStatusOne) {
  Life life(folder.path(), artifacts);
  life.say(fleet::Refused{"this worker speaks protocol 1, the coordinator 2"});
  EXPECT_EQ(life.agent.exit_status(), 1);
}

TEST_F(Story, AnIdleWorkerBeatsAndABusyOneSaysItsStep) {
  Life life(folder.path(), artifacts);
  fleet::Welcome often;
  often.heartbeat = 50ms;
  life.welcome(often);
  EXPECT_EQ(life.link.sent, (std::vector<fleet::ToCoordinator>{fleet::Heartbeat{}}));
  life.say(start(key(), R"({"steps": 1000000, "step_ms": 5, "tick_ms": 5})"));
  const auto beats_a_step = [&] {
    const auto* beat = std::get_if<fleet::Heartbeat>(&life.link.sent.back());
    return beat != nullptr && !beat->attempts.empty() && beat->attempts[0].step > 3 &&
           beat->attempts[0].phase == "training" && beat->attempts[0].key == key();
  };
  EXPECT_TRUE(life.until(beats_a_step));
}

TEST_F(Story, ANewerStartReplacesWhatRuns) {
  Life life(folder.path(), artifacts);
  life.welcome();
  ASSERT_NO_FATAL_FAILURE(train_endlessly(life));
  life.say(start(key(1, 'b'), R"({"steps": 2})"));
  ASSERT_TRUE(life.until([&] { return life.link.freed(key(1, 'b')); }));
  EXPECT_TRUE(life.link.freed(key()));
  EXPECT_THAT(life.link.bodies<fleet::Finished>(), SizeIs(1));
}

}  // namespace
}  // namespace autonorm::agent
