// `trainer serve`, driven through its pipes as a worker agent would.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/unit/trainer/fake_agent.h"
#include "tests/unit/trainer/trainer_program.h"
#include "tests/unit/trainer/trial_folder.h"

namespace autonorm::trainer {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using namespace worker;

RunCommand run_command(const TrialFolder& folder, const json& config, int rank = 0, int size = 1) {
  const auto directory = folder.path() / ("attempt-" + std::to_string(rank));
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "trial.json") << config.dump();
  return {.trial = std::string(64, 'a'),
          .attempt = 1,
          .directory = directory.string(),
          .config_file = (directory / "trial.json").string(),
          .device = "cpu",
          .rank = rank,
          .size = size,
          .listen_host = "127.0.0.1",
          .resume = {},
          .inputs = {}};
}

// So long that only a stop or a kill ends it.
json endless(const TrialFolder& folder) {
  json config = folder.config();
  config["train"]["epochs"] = 10000;
  return config;
}

// A step has been made: the trial is in its loop.
void wait_for_a_step(ServedTrainer& trainer) {
  while (trainer.wait_for<MetricsEvent>().points.empty()) {
  }
}

TEST(TrainerServe, GreetsTrainsReportsAndStaysWarm) {
  const TrialFolder folder;
  ServedTrainer trainer;
  const auto hello = trainer.wait_for<HelloEvent>();
  EXPECT_EQ(hello.protocol, kControlVersion);
  EXPECT_EQ(hello.pid, trainer.pid());
  EXPECT_FALSE(hello.cpu_capability.empty());

  std::vector<FinishedEvent> finished;
  for (int trial = 0; trial < 2; ++trial) {
    trainer.send(run_command(folder, folder.config()));
    finished.push_back(trainer.wait_for<FinishedEvent>());
  }
  EXPECT_EQ(finished[0].facts.at("weights_sha256"), finished[1].facts.at("weights_sha256"));
  EXPECT_GT(finished[0].results.at("test/accuracy"), 0.3);
  EXPECT_FALSE(finished[0].initial.empty());
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(finished[0].artifacts.at("model")) / "manifest.json"));

  int joined = 0, checkpoints = 0, points = 0, ticks = 0;
  for (const auto& event : trainer.skipped()) {
    if (const auto* ready = std::get_if<ReadyEvent>(&event)) joined += ready->state == "joined";
    if (const auto* metrics = std::get_if<MetricsEvent>(&event)) points += static_cast<int>(metrics->points.size());
    checkpoints += std::holds_alternative<CheckpointEvent>(event);
    ticks += std::holds_alternative<TickEvent>(event);
  }
  EXPECT_EQ(joined, 2);
  EXPECT_EQ(checkpoints, 2);
  EXPECT_GE(points, 2 * 7);
  EXPECT_GE(ticks, 2);  // at least one at each start

  trainer.send(ExitCommand{});
  EXPECT_EQ(trainer.wait(), 0);
}

TEST(TrainerServe, TicksCarryStepAndPhaseWhileItTrains) {
  const TrialFolder folder;
  ServedTrainer trainer;
  trainer.send(run_command(folder, endless(folder)));
  for (auto tick = trainer.wait_for<TickEvent>(); tick.step == 0; tick = trainer.wait_for<TickEvent>()) {
  }
  const auto tick = trainer.wait_for<TickEvent>();
  EXPECT_GT(tick.step, 0);
  EXPECT_EQ(tick.total_steps, 70000);
  EXPECT_THAT(tick.phase, testing::AnyOf("training", "evaluating", "checkpointing"));
  EXPECT_GT(tick.samples_per_s, 0);
}

TEST(TrainerServe, StopsAtACheckpointAndResumesFromIt) {
  const TrialFolder folder;
  ServedTrainer trainer;
  trainer.send(run_command(folder, endless(folder)));
  wait_for_a_step(trainer);
  trainer.send(StopCommand{StopKind::kCheckpoint});
  const auto checkpoint = trainer.wait_for<CheckpointEvent>();
  const auto stopped = trainer.wait_for<StoppedEvent>();
  EXPECT_GT(stopped.step, 0);

  auto resume = run_command(folder, endless(folder));
  resume.resume = checkpoint.directory;
  trainer.send(resume);
  const auto metrics = trainer.wait_for<MetricsEvent>();
  EXPECT_GT(metrics.points.at(0).step, checkpoint.step);
}

TEST(TrainerServe, AStopNowWritesNoCheckpoint) {
  const TrialFolder folder;
  ServedTrainer trainer;
  json config = endless(folder);
  config["train"]["checkpoint_every"] = 1'000'000;
  trainer.send(run_command(folder, config));
  wait_for_a_step(trainer);
  trainer.send(StopCommand{StopKind::kNow});
  trainer.wait_for<StoppedEvent>();
  EXPECT_TRUE(std::ranges::none_of(trainer.skipped(),
                                   [](const auto& event) { return std::holds_alternative<CheckpointEvent>(event); }));
}

TEST(TrainerServe, FailuresComeWithTheirWord) {
  const TrialFolder folder;
  const auto failure_of = [&](const json& config) {
    ServedTrainer trainer;
    trainer.send(run_command(folder, config));
    while (const auto event = trainer.next_event()) {
      if (const auto* failed = std::get_if<FailedEvent>(&*event)) return *failed;
    }
    return FailedEvent{};
  };
  json config = folder.config();
  config["train"]["lr"] = -1;
  EXPECT_EQ(failure_of(config).reason, "bad_config");
  config = folder.config();
  config["data"]["path"] = "/nonexistent";
  EXPECT_EQ(failure_of(config).reason, "data_missing");
  std::filesystem::resize_file(folder.path() / "set/t10k-labels-idx1-ubyte", 20);
  const auto corrupt = failure_of(folder.config());
  EXPECT_EQ(corrupt.reason, "data_corrupt");
  EXPECT_THAT(corrupt.message, HasSubstr("t10k-labels-idx1-ubyte: byte 20"));
}

TEST(TrainerServe, AGangWithoutARelayIsRefused) {
  const TrialFolder folder;
  ServedTrainer trainer;
  json config = folder.config();
  config["ranks"] = 2;
  trainer.send(run_command(folder, config, 0, 2));
  try {
    trainer.wait_for<FinishedEvent>();
    ADD_FAILURE() << "it finished";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("needs the relay of a worker"));
  }
}

// Runs a gang of real trainers whose collectives the test carries; rank 0's result.
FinishedEvent run_gang(const TrialFolder& folder, json config, int size) {
  config["ranks"] = size;
  FakeAgent agent(size);
  std::vector<std::unique_ptr<ServedTrainer>> trainers;
  for (int rank = 0; rank < size; ++rank) {
    trainers.push_back(std::make_unique<ServedTrainer>(agent.descriptors(rank)));
    trainers.back()->send(run_command(folder, config, rank, size));
  }
  const auto listening = trainers[0]->wait_for<ReadyEvent>();
  EXPECT_EQ(listening.state, size == 1 ? "joined" : "listening");
  EXPECT_TRUE(size == 1 || listening.endpoint.starts_with("127.0.0.1:")) << listening.endpoint;
  for (int rank = 1; rank < size; ++rank) trainers[static_cast<size_t>(rank)]->send(JoinCommand{listening.endpoint});
  for (int rank = 1; rank < size; ++rank) {
    EXPECT_EQ(trainers[static_cast<size_t>(rank)]->wait_for<ReadyEvent>().state, "joined");
    EXPECT_TRUE(trainers[static_cast<size_t>(rank)]->wait_for<FinishedEvent>().results.empty());
  }
  return trainers[0]->wait_for<FinishedEvent>();
}

TEST(TrainerServe, GangsOfOneTwoAndThreeTrainTheSame) {
  const TrialFolder folder;
  const auto one = run_gang(folder, folder.config(), 1);
  for (const int size : {2, 3}) {
    const auto gang = run_gang(folder, folder.config(), size);
    EXPECT_NEAR(gang.results.at("val/loss"), one.results.at("val/loss"), 1e-5) << size;
    EXPECT_NEAR(gang.results.at("test/loss"), one.results.at("test/loss"), 1e-5) << size;
    EXPECT_EQ(gang.facts.at("order_sha256"), one.facts.at("order_sha256"));
  }
}

TEST(TrainerServe, AGangRepeatedGivesTheSameBits) {
  const TrialFolder folder;
  EXPECT_EQ(run_gang(folder, folder.config(), 2).facts.at("weights_sha256"),
            run_gang(folder, folder.config(), 2).facts.at("weights_sha256"));
}

TEST(TrainerServe, ALostPeerEndsTheAttemptAsCollectiveAborted) {
  const TrialFolder folder;
  json config = endless(folder);
  config["ranks"] = 2;
  FakeAgent agent(2);
  ServedTrainer leader(agent.descriptors(0));
  auto other = std::make_unique<ServedTrainer>(agent.descriptors(1));
  leader.send(run_command(folder, config, 0, 2));
  other->send(run_command(folder, config, 1, 2));
  other->send(JoinCommand{leader.wait_for<ReadyEvent>().endpoint});
  wait_for_a_step(leader);
  other.reset();
  agent.fail(RelayResult::kAborted, "rank 1 was killed");
  while (const auto event = leader.next_event()) {
    if (const auto* failed = std::get_if<FailedEvent>(&*event)) {
      EXPECT_EQ(failed->reason, "collective_aborted");
      EXPECT_THAT(failed->message, HasSubstr("rank 1 was killed"));
      return;
    }
  }
  ADD_FAILURE() << "the leader ended without a word";
}

TEST(TrainerServe, AStopWhileItWaitsForTheGangIsObeyed) {
  const TrialFolder folder;
  json config = folder.config();
  config["ranks"] = 2;
  FakeAgent agent(2);
  ServedTrainer leader(agent.descriptors(0)), other(agent.descriptors(1));
  leader.send(run_command(folder, config, 0, 2));
  other.send(run_command(folder, config, 1, 2));
  leader.wait_for<ReadyEvent>();  // nobody tells the other where to go
  leader.send(StopCommand{StopKind::kNow});
  other.send(StopCommand{StopKind::kNow});
  EXPECT_EQ(leader.wait_for<StoppedEvent>().step, 0);
  EXPECT_EQ(other.wait_for<StoppedEvent>().step, 0);
}

TEST(TrainerServe, EndsWhenTheCommandPipeIsClosedInTheMiddleOfATrial) {
  const TrialFolder folder;
  ServedTrainer trainer;
  trainer.send(run_command(folder, endless(folder)));
  wait_for_a_step(trainer);
  trainer.close_commands();
  while (trainer.next_event()) {
  }
  EXPECT_EQ(trainer.wait(), 0);
}

TEST(TrainerServe, GarbageOnTheCommandPipeEndsItWithAnError) {
  ServedTrainer trainer;
  trainer.wait_for<HelloEvent>();
  trainer.send_line("{\"command\": \"dance\"}");
  const auto log = trainer.wait_for<LogEvent>();
  EXPECT_EQ(log.level, "error");
  EXPECT_EQ(trainer.wait(), 1);
}

TEST(TrainerServe, IsRefusedWhenItsParentIsSomebodyElse) {
  const TrialFolder folder;
  const auto result = run_trainer({"serve", "--parent", "1", "--in", "0", "--out", "1"}, folder.path());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("the worker has gone"));
}

// The child of the test is the trainer's parent; when it is killed, the kernel must end the trainer, whose event pipe
// then closes.
TEST(TrainerServe, DiesWithItsParentAlsoInTheMiddleOfATrial) {
  const TrialFolder folder;
  const RunCommand command = run_command(folder, endless(folder));
  std::array<int, 2> events{}, commands{};
  ASSERT_EQ(pipe(events.data()), 0);
  ASSERT_EQ(pipe(commands.data()), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    if (fork() == 0) {
      const std::string program = std::string(AUTONORM_BINARY_DIR) + "/bin/trainer";
      const std::string in = std::to_string(commands[0]), out = std::to_string(events[1]),
                        ppid = std::to_string(getppid());
      close(events[0]);
      close(commands[1]);
      execl(program.c_str(), "trainer", "serve", "--parent", ppid.c_str(), "--in", in.c_str(), "--out", out.c_str(),
            nullptr);
      _exit(127);
    }
    close(events[1]);
    pause();
    _exit(0);
  }
  close(events[1]);
  const Fd reader(events[0]), writer(commands[1]);  // held open: the end of the command pipe must not be what ends it
  ASSERT_TRUE(write_all(writer.get(), encode(command) + "\n", "commands").ok());
  std::string seen;
  std::array<char, 4096> buffer;
  bool killed = false;
  while (true) {
    pollfd fd{reader.get(), POLLIN, 0};
    ASSERT_GT(poll(&fd, 1, 60'000), 0) << "the trainer outlived its parent";
    const ssize_t n = read(reader.get(), buffer.data(), buffer.size());
    if (n <= 0) break;
    seen.append(buffer.data(), static_cast<size_t>(n));
    if (!killed && seen.find("\"metrics\"") != std::string::npos) {
      kill(parent, SIGKILL);
      killed = true;
    }
  }
  EXPECT_TRUE(killed) << seen;
  waitpid(parent, nullptr, 0);
  close(commands[0]);
}

}  // namespace
}  // namespace autonorm::trainer
