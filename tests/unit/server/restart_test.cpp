// Starting, stopping and starting again; and what must not start.
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/durable_file.h"
#include "core/base/text.h"
#include "tests/unit/server/fake_worker.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::server {
namespace {

TEST(Restart, SweepsAndResultsAreStillThere) {
  RunningServer server;
  {
    FakeWorker worker(server.address());
    worker.send(hello_of("w0"));
    worker.next<fleet::Welcome>();
    ASSERT_TRUE(server.client()->submit(small_sweep(), false, "a").ok());
    const auto start = worker.next<fleet::Start>();
    worker.complete(start, 0.9);
    while (worker.next<fleet::Ack>().seq < Seq(3)) {
    }
  }
  server.stop();
  server.start();
  const auto client = server.client();
  const auto sweeps = client->sweeps();
  ASSERT_TRUE(sweeps.ok());
  ASSERT_EQ(sweeps->size(), 1u);
  EXPECT_EQ(sweeps->at(0).counts.at(TrialState::kSucceeded), 1);
  EXPECT_EQ(client->info()->epoch, 2);
}

TEST(Restart, AStateDirectoryHasOneServer) {
  RunningServer server;
  const SystemClock clock;
  const auto second = Server::start({.listen = "127.0.0.1:0", .state = server.state(), .secret = "x"}, clock);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kConflict);
  EXPECT_NE(second.status().message().find(server.state().string()), std::string::npos);
  EXPECT_NE(second.status().message().find(cat("pid ", getpid())), std::string::npos) << second.status().message();
  EXPECT_NE(second.status().message().find("--state"), std::string::npos);
}

TEST(Restart, APortHasOneServerAndTheOtherStateDirectoryStaysUntouched) {
  RunningServer server;
  const TemporaryFolder other;
  const SystemClock clock;
  const auto second =
      Server::start({.listen = server.address(), .state = other.path() / "state", .secret = "x"}, clock);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(server.address()), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(other.path() / "state"));
}

TEST(Restart, AStateDirectoryThatIsAFileIsRefusedByName) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "notes.txt";
  ASSERT_TRUE(write_file_durably(file, "x").ok());
  const SystemClock clock;
  const auto server = Server::start({.listen = "127.0.0.1:0", .state = file, .secret = "x"}, clock);
  ASSERT_FALSE(server.ok());
  EXPECT_NE(server.status().message().find(file.string()), std::string::npos) << server.status().message();
}

}  // namespace
}  // namespace autonorm::server
