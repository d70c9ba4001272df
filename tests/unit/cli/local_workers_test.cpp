#include "coordinator/cli/local_workers.h"

#include <gtest/gtest.h>
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

// What a script tells the test: it opens the pipe as descriptor 9, and the pipe ends when the script does.
class Pipe {
 public:
  explicit Pipe(const std::filesystem::path& path) : path_(path) { EXPECT_EQ(mkfifo(path.c_str(), 0600), 0); }
  std::string open_in_script() const { return "exec 9>" + path_.string() + "; "; }
  std::string line() {
    std::string text;
    std::getline(stream(), text);
    return text;
  }
  void wait_for_end() {
    while (stream().get() != std::ifstream::traits_type::eof()) {
    }
  }

 private:
  std::ifstream& stream() {
    if (!stream_.is_open()) stream_.open(path_);  // waits for the script
    return stream_;
  }
  const std::filesystem::path path_;
  std::ifstream stream_;
};

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

struct Started {
  TemporaryFolder folder;
  Pipe pipe{folder.path() / "pipe"};
  std::unique_ptr<LocalWorkers> workers;
  explicit Started(const std::string& script) {
    auto started = LocalWorkers::start({.count = 1,
                                        .coordinator = "h:7",
                                        .worker = program(folder.path() / "worker", pipe.open_in_script() + script),
                                        .work_folder = folder.path() / "work",
                                        .search_path = ""});
    EXPECT_TRUE(started.ok()) << started.status().message();
    if (started.ok()) workers = *std::move(started);
  }
};

TEST(LocalWorkers, OutputGoesToTheLogAndTheEndIsTold) {
  Started child("echo said \"$@\"; exit 3");
  child.pipe.wait_for_end();
  child.workers->stop(std::chrono::seconds(20));
  EXPECT_FALSE(child.workers->running());
  EXPECT_EQ(child.workers->ending(), "ended with exit code 3");
  EXPECT_EQ(child.workers->log_tail(),
            "said --coordinator h:7 --work-dir " + (child.folder.path() / "work").string() + "\n");
}

TEST(LocalWorkers, StopEndsTheChildInOrder) {
  Started child("trap 'echo bye; exit 0' TERM; echo ready >&9; while :; do :; done");
  EXPECT_EQ(child.pipe.line(), "ready");
  EXPECT_TRUE(child.workers->running());
  child.workers->stop(std::chrono::seconds(20));
  EXPECT_FALSE(child.workers->running());
  EXPECT_EQ(child.workers->ending(), "ended with exit code 0");
  EXPECT_EQ(child.workers->log_tail(), "bye\n");
}

TEST(LocalWorkers, AChildThatWillNotGoIsKilled) {
  Started child("trap '' TERM; echo ready >&9; while :; do :; done");
  EXPECT_EQ(child.pipe.line(), "ready");
  child.workers->stop(std::chrono::milliseconds(50));
  EXPECT_EQ(child.workers->ending(), "was ended by signal 9");
}

}  // namespace
}  // namespace autonorm::cli
