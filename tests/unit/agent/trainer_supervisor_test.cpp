// Real processes: the stand-in trainer of tests/support. Waiting is poll() on the supervisor's descriptors with a
// deadline; the watches' clock is moved by hand.
#include "worker/agent/supervision/trainer_supervisor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/unit/agent/temporary_folder.h"

namespace autonorm::agent {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

const std::string kFakeTrainer = AUTONORM_BINARY_DIR "/tests/fake_trainer";

// The trainer that this thread has started; 0 when there is none.
pid_t trainer_process() {
  pid_t trainer = 0;
  std::ifstream("/proc/self/task/" + std::to_string(getpid()) + "/children") >> trainer;
  return trainer;
}

// SIGSTOP has come into effect: nothing is said any more.
bool stopped(pid_t process) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(process), &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 && info.si_pid == process;
}

class Supervisor : public ::testing::Test {
 protected:
  SupervisorOptions options() {
    return {.program = kFakeTrainer, .environment = environ, .group_memory = [this] { return memory_; }};
  }

  TrialRun trial(const std::string& fake, int rank = 0, int size = 1) {
    const auto attempt = folder_.path() / ("attempt-" + std::to_string(++attempts_));
    std::filesystem::create_directories(attempt);
    std::ofstream(attempt / "trial.json") << "{\"fake\":" << fake << "}";
    TrialRun run;
    run.command.trial = std::string(64, 'a');
    run.command.attempt = attempts_;
    run.command.directory = attempt;
    run.command.config_file = attempt / "trial.json";
    run.command.device = "cpu";
    run.command.rank = rank;
    run.command.size = size;
    run.command.listen_host = "127.0.0.1";
    return run;
  }

  // Waits for real output, without moving the watches' clock, until `enough` holds or 20 s have passed.
  template <class Enough>
  bool pump(TrainerSupervisor& supervisor, Enough enough) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (true) {
      look(supervisor);
      if (enough()) return true;
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::vector<pollfd> fds;
      for (const int fd : supervisor.descriptors()) fds.push_back({fd, POLLIN, 0});
      poll(fds.data(), fds.size(), 50);
    }
  }
  void look(TrainerSupervisor& supervisor) {
    for (SupervisorEvent& event : supervisor.advance(now_)) events_.push_back(std::move(event));
  }
  // Lets time pass in steps that the watches count in full, looking at what has come at each.
  void pass(TrainerSupervisor& supervisor, std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 500ms) {
      now_ += 500ms;
      look(supervisor);
    }
  }
  template <class T>
  const T* find() const {
    for (const SupervisorEvent& event : events_) {
      if (const auto* found = std::get_if<T>(&event)) return found;
    }
    return nullptr;
  }
  template <class T>
  const T* ended() const {
    const Ended* end = find<Ended>();
    return end == nullptr ? nullptr : std::get_if<T>(end);
  }
  bool run_to_end(TrainerSupervisor& supervisor, TrialRun run) {
    events_.clear();
    const Status status = supervisor.start(std::move(run), now_);
    EXPECT_TRUE(status.ok()) << status.message();
    return pump(supervisor, [&] { return find<Ended>() != nullptr; });
  }

  TemporaryFolder folder_;
  SteadyTime now_{std::chrono::hours(1)};
  int attempts_ = 0;
  GroupMemory memory_;
  std::vector<SupervisorEvent> events_;
};

TEST_F(Supervisor, ATrialEndsWithItsResultsAndTheSlotIsFree) {
  TrainerSupervisor supervisor(options());
  EXPECT_TRUE(supervisor.slot_free());
  ASSERT_TRUE(run_to_end(supervisor, trial(R"({"steps": 3, "checkpoint_every": 2})")));
  ASSERT_NE(ended<worker::FinishedEvent>(), nullptr);
  EXPECT_EQ(ended<worker::FinishedEvent>()->results.at("steps"), 3);
  ASSERT_NE(find<worker::ReadyEvent>(), nullptr);
  EXPECT_EQ(find<worker::ReadyEvent>()->state, "joined");
  ASSERT_NE(find<worker::CheckpointEvent>(), nullptr);
  EXPECT_EQ(find<worker::CheckpointEvent>()->step, 2);
  EXPECT_TRUE(supervisor.slot_free());
  EXPECT_EQ(supervisor.torch(), "fake 1.0, NONE");
}

TEST_F(Supervisor, TheNextTrialUsesTheSameProcess) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(run_to_end(supervisor, trial("{}")));
  const std::string first = ended<worker::FinishedEvent>()->facts.at("pid");
  ASSERT_TRUE(run_to_end(supervisor, trial("{}")));
  EXPECT_EQ(ended<worker::FinishedEvent>()->facts.at("pid"), first);
}

TEST_F(Supervisor, AProcessIsReplacedAfterItsShareOfTrials) {
  SupervisorOptions few = options();
  few.max_trials = 1;
  TrainerSupervisor supervisor(few);
  ASSERT_TRUE(run_to_end(supervisor, trial("{}")));
  const std::string first = ended<worker::FinishedEvent>()->facts.at("pid");
  EXPECT_FALSE(supervisor.slot_free());  // it is leaving
  ASSERT_TRUE(pump(supervisor, [&] { return supervisor.slot_free(); }));
  ASSERT_TRUE(run_to_end(supervisor, trial("{}")));
  EXPECT_NE(ended<worker::FinishedEvent>()->facts.at("pid"), first);
}

TEST_F(Supervisor, DeathBySignalIsACrashWithTheSignalAndTheLastLines) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(run_to_end(supervisor, trial(R"({"at": 2, "do": "signal", "value": 6, "log": "last words"})")));
  const auto* failed = ended<fleet::Failed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->reason, EndReason::kTrainerCrashed);
  EXPECT_EQ(failed->signal, SIGABRT);
  EXPECT_THAT(failed->message, HasSubstr("signal 6"));
  EXPECT_THAT(failed->log_tail, Contains("last words"));
  EXPECT_TRUE(supervisor.slot_free());
  std::ifstream log(folder_.path() / "attempt-1/log.txt");
  std::string line;
  std::getline(log, line);
  EXPECT_EQ(line, "last words");
}

TEST_F(Supervisor, LeavingInTheMiddleIsACrashWithTheStatus) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(run_to_end(supervisor, trial(R"({"at": 2, "do": "exit", "value": 7})")));
  const auto* failed = ended<fleet::Failed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->reason, EndReason::kTrainerCrashed);
  EXPECT_EQ(failed->exit_code, 7);
  EXPECT_EQ(failed->signal, 0);
}

TEST_F(Supervisor, SigkillWithAnOutOfMemoryKillCountedIsHostOom) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(supervisor.start(trial(R"({"at": 2, "do": "signal", "value": 9})"), now_).ok());
  memory_ = {.oom_kills = 1, .limit_bytes = int64_t{2} << 30};
  ASSERT_TRUE(pump(supervisor, [&] { return find<Ended>() != nullptr; }));
  const auto* failed = ended<fleet::Failed>();
  EXPECT_EQ(failed->reason, EndReason::kHostOom);
  EXPECT_EQ(failed->memory.oom_kills, 1);
  EXPECT_EQ(failed->memory.limit_bytes, int64_t{2} << 30);
}

TEST_F(Supervisor, SigkillWithoutOneIsACrash) {
  TrainerSupervisor supervisor(options());
  memory_.oom_kills = 4;  // of earlier days
  ASSERT_TRUE(run_to_end(supervisor, trial(R"({"at": 2, "do": "signal", "value": 9})")));
  EXPECT_EQ(ended<fleet::Failed>()->reason, EndReason::kTrainerCrashed);
  EXPECT_EQ(ended<fleet::Failed>()->signal, SIGKILL);
  EXPECT_EQ(ended<fleet::Failed>()->memory.oom_kills, 0);
}

// Sanitizers keep several bytes for each of the program's.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int64_t kShadow = 8;
#else
constexpr int64_t kShadow = 1;
#endif

TEST_F(Supervisor, ADeadTrainersLastSizeIsTold) {
  TrainerSupervisor supervisor(options());
  constexpr int64_t kBallast = int64_t{96} << 20;
  ASSERT_TRUE(supervisor.start(trial(R"({"ballast_mib": 96, "steps": 1000000, "step_ms": 5})"), now_).ok());
  ASSERT_TRUE(pump(supervisor, [&] { return find<worker::MetricsEvent>() != nullptr; }));
  look(supervisor);  // at the size, which it may not have had yet when its first line was on its way
  const pid_t trainer = trainer_process();
  ASSERT_GT(trainer, 0);
  ASSERT_EQ(kill(trainer, SIGILL), 0);  // sanitizers leave it alone
  ASSERT_TRUE(pump(supervisor, [&] { return find<Ended>() != nullptr; }));
  const auto* failed = ended<fleet::Failed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->reason, EndReason::kTrainerCrashed) << "no out-of-memory kill was counted";
  EXPECT_EQ(failed->signal, SIGILL);
  EXPECT_GE(failed->memory.resident_bytes, kBallast);
  EXPECT_LT(failed->memory.resident_bytes, 4 * kShadow * kBallast);
}

TEST_F(Supervisor, AFailureOfTheTrainerKeepsItsReasonAndEndsTheProcess) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(
      run_to_end(supervisor, trial(R"({"at": 1, "do": "fail", "reason": "device_oom", "text": "no memory left"})")));
  EXPECT_EQ(ended<fleet::Failed>()->reason, EndReason::kDeviceOom);
  EXPECT_EQ(ended<fleet::Failed>()->message, "no memory left");
  ASSERT_TRUE(pump(supervisor, [&] { return supervisor.slot_free(); }));
  EXPECT_FALSE(supervisor.has_process());
}

TEST_F(Supervisor, WordsThatAreNotOfTheProtocolEndTheAttempt) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(run_to_end(supervisor, trial(R"({"at": 1, "do": "garbage"})")));
  EXPECT_EQ(ended<fleet::Failed>()->reason, EndReason::kTrainerCrashed);
  EXPECT_THAT(ended<fleet::Failed>()->message, HasSubstr("type 'nonsense' is not known"));
}

TEST_F(Supervisor, AStoppedProcessIsNamedAndKilledAfterFiveSeconds) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(supervisor.start(trial(R"({"at": 2, "do": "stop-process"})"), now_).ok());
  const pid_t trainer = trainer_process();
  ASSERT_GT(trainer, 0);
  ASSERT_TRUE(pump(supervisor, [&] { return stopped(trainer); }));
  look(supervisor);  // its last words
  pass(supervisor, 4500ms);
  EXPECT_EQ(find<Ended>(), nullptr);
  pass(supervisor, 1000ms);
  ASSERT_NE(ended<fleet::Failed>(), nullptr);
  EXPECT_EQ(ended<fleet::Failed>()->reason, EndReason::kStalled);
  EXPECT_THAT(ended<fleet::Failed>()->message, HasSubstr("rank 0 of 1"));
  EXPECT_THAT(ended<fleet::Failed>()->message, HasSubstr("no sign of life for 5 s"));
  ASSERT_TRUE(pump(supervisor, [&] { return supervisor.slot_free(); }));
}

TEST_F(Supervisor, AnAgentThatWasStoppedItselfDoesNotBlameTheTrainer) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(supervisor.start(trial(R"({"at": 2, "do": "hang", "tick_ms": 60000})"), now_).ok());
  ASSERT_TRUE(pump(supervisor, [&] { return find<worker::MetricsEvent>() != nullptr; }));
  now_ += 1h;  // one leap: this process did not run meanwhile
  look(supervisor);
  EXPECT_EQ(find<Ended>(), nullptr);
}

TEST_F(Supervisor, NoStepForTheStallTimeoutIsAStall) {
  TrainerSupervisor supervisor(options());
  TrialRun run = trial(R"({"at": 2, "do": "hang", "tick_ms": 1})");
  run.stall_timeout = 3s;
  ASSERT_TRUE(supervisor.start(run, now_).ok());
  ASSERT_TRUE(pump(supervisor, [&] { return supervisor.progress().step == 2; }));
  // Between two looks at the clock the trainer ticks, so that only the missing step counts.
  for (int i = 0; i < 8 && find<Ended>() == nullptr; ++i) {
    pass(supervisor, 500ms);
    const int64_t age = supervisor.progress().tick_age_ms;
    pump(supervisor,
         [&] { return find<Ended>() != nullptr || supervisor.progress().tick_age_ms < std::max<int64_t>(age, 1); });
  }
  ASSERT_NE(ended<fleet::Failed>(), nullptr);
  EXPECT_EQ(ended<fleet::Failed>()->reason, EndReason::kStalled);
  EXPECT_THAT(ended<fleet::Failed>()->message, HasSubstr("made no step for 3 s in phase training after step 2"));
}

TEST_F(Supervisor, AGangMemberThatIsNeverAskedToJoinIsNotReadyInTime) {
  TrainerSupervisor supervisor(options());
  TrialRun run = trial("{}", 1, 2);
  run.start_timeout = 2s;
  ASSERT_TRUE(supervisor.start(run, now_).ok());
  ASSERT_TRUE(pump(supervisor, [&] { return !supervisor.torch().empty(); }));
  pass(supervisor, 2000ms);
  ASSERT_NE(ended<fleet::Failed>(), nullptr);
  EXPECT_THAT(ended<fleet::Failed>()->message, HasSubstr("rank 1 of 2"));
  EXPECT_THAT(ended<fleet::Failed>()->message, HasSubstr("was not ready within 2 s"));
}

// Loading LibTorch on a busy machine may take longer than the tick's limit.
TEST_F(Supervisor, ATrainerThatHasNotTickedYetHasItsStartTimeout) {
  TrainerSupervisor supervisor(options());
  TrialRun run = trial(R"({"late_tick": true})", 1, 2);
  run.start_timeout = 20s;
  ASSERT_TRUE(supervisor.start(run, now_).ok());
  ASSERT_TRUE(pump(supervisor, [&] { return !supervisor.torch().empty(); }));
  pass(supervisor, 19500ms);
  EXPECT_EQ(find<Ended>(), nullptr);
  pass(supervisor, 500ms);
  ASSERT_NE(ended<fleet::Failed>(), nullptr);
  EXPECT_THAT(ended<fleet::Failed>()->message, HasSubstr("was not ready within 20 s"));
}

TEST_F(Supervisor, AStopAtACheckpointIsAnsweredAndTheProcessStaysWarm) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(supervisor.start(trial(R"({"steps": 1000000, "step_ms": 10})"), now_).ok());
  ASSERT_TRUE(pump(supervisor, [&] { return find<worker::MetricsEvent>() != nullptr; }));
  supervisor.stop_at_checkpoint();
  ASSERT_TRUE(pump(supervisor, [&] { return find<Ended>() != nullptr; }));
  ASSERT_NE(ended<worker::StoppedEvent>(), nullptr);
  ASSERT_NE(find<worker::CheckpointEvent>(), nullptr);
  EXPECT_EQ(find<worker::CheckpointEvent>()->step, ended<worker::StoppedEvent>()->step);
  EXPECT_TRUE(supervisor.slot_free());
}

TEST_F(Supervisor, KillEndsTheAttemptAtOnceButTheSlotOnlyWithTheProcess) {
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(supervisor.start(trial(R"({"steps": 1000000, "step_ms": 10})"), now_).ok());
  ASSERT_TRUE(pump(supervisor, [&] { return find<worker::MetricsEvent>() != nullptr; }));
  fleet::Failed why;
  why.reason = EndReason::kCancelled;
  supervisor.kill(why);
  EXPECT_FALSE(supervisor.slot_free());
  ASSERT_TRUE(pump(supervisor, [&] { return supervisor.slot_free(); }));
  EXPECT_EQ(ended<fleet::Failed>()->reason, EndReason::kCancelled);
}

TEST_F(Supervisor, AMissingProgramIsSaidAndTheSlotStaysFree) {
  SupervisorOptions wrong = options();
  wrong.program = folder_.path() / "no-such-trainer";
  TrainerSupervisor supervisor(wrong);
  const Status status = supervisor.start(trial("{}"), now_);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("no-such-trainer"));
  EXPECT_TRUE(supervisor.slot_free());
}

TEST_F(Supervisor, TheTrainerInheritsNoOtherDescriptor) {
  const Fd leak(open("/dev/null", O_RDONLY));  // not close-on-exec
  TrainerSupervisor supervisor(options());
  ASSERT_TRUE(supervisor.start(trial(R"({"at": 2, "do": "hang"})"), now_).ok());
  ASSERT_TRUE(pump(supervisor, [&] { return find<worker::MetricsEvent>() != nullptr; }));
  const pid_t trainer = trainer_process();
  ASSERT_GT(trainer, 0);
  size_t descriptors = 0;
  for ([[maybe_unused]] const auto& fd :
       std::filesystem::directory_iterator("/proc/" + std::to_string(trainer) + "/fd"))
    ++descriptors;
  EXPECT_EQ(descriptors, 8U);  // three standard ones, two pipes, the relay's three
}

TEST_F(Supervisor, ATrainerDiesWithItsAgent) {
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // so that the orphan's end can be waited for
  const pid_t agent = fork();
  if (agent == 0) {  // an agent that is killed while its trainer works
    TrainerSupervisor supervisor(options());
    if (!supervisor.start(trial(R"({"at": 2, "do": "hang"})"), now_).ok()) _exit(1);
    pump(supervisor, [&] { return find<worker::MetricsEvent>() != nullptr; });
    const pid_t trainer = trainer_process();
    if (write(pipe_ends[1], &trainer, sizeof(trainer)) != sizeof(trainer)) _exit(1);
    raise(SIGKILL);
  }
  pid_t trainer = 0;
  ASSERT_EQ(read(pipe_ends[0], &trainer, sizeof(trainer)), static_cast<ssize_t>(sizeof(trainer)));
  int status = 0;
  ASSERT_EQ(waitpid(agent, &status, 0), agent);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  ASSERT_EQ(waitpid(trainer, &status, 0), trainer);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  for (const int end : pipe_ends) close(end);
}

TEST(GroupMemory, ReadsThisMachine) {
  EXPECT_GE(read_group_memory().oom_kills, 0);
  EXPECT_GE(read_group_memory().limit_bytes, 0);
}

class GroupMemoryFiles : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const auto path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  GroupMemory read() { return read_group_memory(folder_.path() / "proc", folder_.path() / "cgroup"); }
  TemporaryFolder folder_;
};

TEST_F(GroupMemoryFiles, VersionTwo) {
  write("proc/self/cgroup", "0::/user/job\n");
  write("cgroup/user/job/memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n");
  write("cgroup/user/job/memory.max", "2147483648\n");
  EXPECT_EQ(read(), (GroupMemory{.oom_kills = 2, .limit_bytes = 2147483648}));
  write("cgroup/user/job/memory.max", "max\n");
  EXPECT_EQ(read(), (GroupMemory{.oom_kills = 2, .limit_bytes = 0}));
}

TEST_F(GroupMemoryFiles, VersionOneAndItsWordForNoLimit) {
  write("proc/self/cgroup", "4:cpu:/x\n3:memory:/slurm/job7\n");
  write("cgroup/memory/slurm/job7/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
  write("cgroup/memory/slurm/job7/memory.limit_in_bytes", "1073741824\n");
  EXPECT_EQ(read(), (GroupMemory{.oom_kills = 5, .limit_bytes = 1073741824}));
  write("cgroup/memory/slurm/job7/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(read().limit_bytes, 0);
}

TEST_F(GroupMemoryFiles, InsideAContainerTheGroupsRootIsIt) {
  write("proc/self/cgroup", "0::/not/visible/here\n");
  write("cgroup/memory.events", "oom_kill 1\n");
  write("cgroup/memory.max", "1000\n");
  EXPECT_EQ(read(), (GroupMemory{.oom_kills = 1, .limit_bytes = 1000}));
}

TEST_F(GroupMemoryFiles, WithoutControlGroupsTheMachinesCounterCounts) {
  write("proc/vmstat", "nr_free_pages 17\noom_kill 9\n");
  EXPECT_EQ(read(), (GroupMemory{.oom_kills = 9, .limit_bytes = 0}));
}

TEST(LogFile, RotatesAndKeepsTheTail) {
  const TemporaryFolder folder;
  LogFile log(folder.path(), /*max_bytes=*/500);
  for (int i = 0; i < 100; ++i) log.write("line " + std::to_string(i) + "\n");
  log.write("unfinished");
  EXPECT_LE(std::filesystem::file_size(folder.path() / "log.txt"), 500U);
  EXPECT_LE(std::filesystem::file_size(folder.path() / "log.1.txt"), 500U);
  const auto tail = log.tail();
  ASSERT_EQ(tail.size(), LogTail::kLines);
  EXPECT_EQ(tail.back(), "unfinished");
  EXPECT_EQ(tail.front(), "line 51");
  // Another process finds what the newest file has.
  const auto stored = stored_log_tail(folder.path());
  ASSERT_FALSE(stored.empty());
  EXPECT_LE(stored.size(), LogTail::kLines);
  EXPECT_EQ(stored.back(), "unfinished");
  EXPECT_TRUE(stored_log_tail(folder.path() / "elsewhere").empty());
}

}  // namespace
}  // namespace autonorm::agent
