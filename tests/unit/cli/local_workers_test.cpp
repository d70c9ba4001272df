#include "coordinator/cli/local_workers.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/server/temporary_folder.h"

namespace autonorm::cli {
namespace {

// A shell script as a program.
std::filesystem::path program(const std::filesystem::path& path, const std::string& body) {
  std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
  chmod(path.c_str(), 0755);
  return path;
}

// Waits until the log has `text`; the test's own time limit ends it.
void wait_for_log(const LocalWorkers& workers, const std::string& text) {
  for (int i = 0; i < 3000 && workers.log_tail().find(text) == std::string::npos; ++i) poll(nullptr, 0, 10);
  ASSERT_NE(workers.log_tail().find(text), std::string::npos) << workers.log_tail();
}

TEST(LocalWorkers, MpirunGetsTheSettingsThatSmallMachinesNeed) {
  const TemporaryFolder folder;
  const auto worker = program(folder.path() / "worker", "");
  const auto mpirun = program(folder.path() / "mpirun", "");
  const auto command = worker_command({.count = 3,
                                       .coordinator = "127.0.0.1:7",
                                       .worker = worker,
                                       .work_folder = "/w",
                                       .search_path = "/nowhere:" + folder.path().string()});
  ASSERT_TRUE(command.ok()) << command.status().message();
  EXPECT_EQ(*command, (std::vector<std::string>{mpirun, "-np", "3", "--oversubscribe", "--bind-to", "none", "--mca",
                                                "orte_enable_recovery", "1", worker, "--coordinator", "127.0.0.1:7",
                                                "--work-dir", "/w"}));
}

TEST(LocalWorkers, OneWorkerNeedsNoMpirunAndMoreSayWhatToInstall) {
  const TemporaryFolder folder;
  LocalWorkersPlan plan{.count = 1,
                        .coordinator = "h:7",
                        .worker = program(folder.path() / "worker", ""),
                        .work_folder = "/w",
                        .search_path = "/nowhere"};
  EXPECT_EQ(*worker_command(plan), (std::vector<std::string>{plan.worker, "--coordinator", "h:7", "--work-dir", "/w"}));
  plan.count = 2;
  EXPECT_EQ(worker_command(plan).status().message(),
            "mpirun is not on PATH; 2 workers need it\n"
            "install it: deploy/setup (or apt-get install openmpi-bin), or use --workers 1");
}

TEST(LocalWorkers, AMissingWorkerProgramIsNamed) {
  const auto command = worker_command(
      {.count = 1, .coordinator = "h:7", .worker = "/nowhere/worker", .work_folder = "/w", .search_path = ""});
  EXPECT_EQ(command.status().message(), "the worker program is missing: /nowhere/worker\nbuild it: deploy/build");
}

TEST(LocalWorkers, OutputGoesToTheLogAndTheEndIsTold) {
  const TemporaryFolder folder;
  auto workers = LocalWorkers::start({.count = 1,
                                      .coordinator = "h:7",
                                      .worker = program(folder.path() / "worker", "echo said \"$@\"; exit 3"),
                                      .work_folder = folder.path() / "work",
                                      .search_path = ""});
  ASSERT_TRUE(workers.ok()) << workers.status().message();
  wait_for_log(**workers, "said --coordinator h:7 --work-dir");
  for (int i = 0; i < 3000 && (*workers)->running(); ++i) poll(nullptr, 0, 10);
  EXPECT_FALSE((*workers)->running());
  EXPECT_EQ((*workers)->ending(), "ended with exit code 3");
}

TEST(LocalWorkers, StopEndsTheChildInOrder) {
  const TemporaryFolder folder;
  auto workers = LocalWorkers::start(
      {.count = 1,
       .coordinator = "h:7",
       .worker = program(folder.path() / "worker",
                         "trap 'echo bye; exit 0' TERM; echo ready; while :; do read x < /dev/zero; done"),
       .work_folder = folder.path() / "work",
       .search_path = ""});
  ASSERT_TRUE(workers.ok());
  wait_for_log(**workers, "ready");
  EXPECT_TRUE((*workers)->running());
  (*workers)->stop(std::chrono::milliseconds(100));
  EXPECT_FALSE((*workers)->running());
  EXPECT_FALSE((*workers)->ending().empty());
}

TEST(LocalWorkers, AChildThatWillNotGoIsKilled) {
  const TemporaryFolder folder;
  auto workers =
      LocalWorkers::start({.count = 1,
                           .coordinator = "h:7",
                           .worker = program(folder.path() / "worker", "trap '' TERM; echo ready; while :; do :; done"),
                           .work_folder = folder.path() / "work",
                           .search_path = ""});
  ASSERT_TRUE(workers.ok());
  wait_for_log(**workers, "ready");
  (*workers)->stop(std::chrono::milliseconds(50));
  EXPECT_EQ((*workers)->ending(), "was ended by signal 9");
}

}  // namespace
}  // namespace autonorm::cli
