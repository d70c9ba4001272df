// Workers' connections to a running server.
#include "coordinator/server/fleet_session.h"

#include <gtest/gtest.h>

#include "core/base/text.h"
#include "tests/unit/server/fake_worker.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::server {
namespace {

TEST(FleetSession, HelloIsAnsweredWithWelcome) {
  RunningServer server;
  FakeWorker worker(server.address());
  worker.send(hello_of("w0"));
  const auto first = worker.receive();
  ASSERT_TRUE(first && std::holds_alternative<fleet::Welcome>(*first));
  const auto& welcome = std::get<fleet::Welcome>(*first);
  EXPECT_EQ(welcome.epoch, 1);
  EXPECT_EQ(welcome.coordinator_build, AUTONORM_VERSION);
  const auto workers = server.client()->workers();
  ASSERT_TRUE(workers.ok());
  ASSERT_EQ(workers->size(), 1u);
  EXPECT_EQ(workers->at(0).id, WorkerId("w0"));
  EXPECT_EQ(workers->at(0).host, "testhost");
}

TEST(FleetSession, AWorkerOfAnotherProtocolIsRefusedNamingBoth) {
  RunningServer server;
  FakeWorker worker(server.address());
  auto hello = hello_of("w0");
  hello.protocol = fleet::kProtocolVersion + 1;
  hello.build = "9.9";
  worker.send(hello);
  const auto refused = worker.next<fleet::Refused>();
  EXPECT_NE(refused.reason.find(cat("protocol ", fleet::kProtocolVersion + 1)), std::string::npos) << refused.reason;
  EXPECT_NE(refused.reason.find(cat("protocol ", fleet::kProtocolVersion, ";")), std::string::npos) << refused.reason;
  EXPECT_NE(refused.reason.find("9.9"), std::string::npos) << refused.reason;
  EXPECT_TRUE(worker.end().ok());
}

TEST(FleetSession, TheFirstMessageMustBeHello) {
  RunningServer server;
  FakeWorker worker(server.address());
  worker.send(fleet::Heartbeat{});
  const Status end = worker.end();
  EXPECT_EQ(end.code(), Code::kInvalid);
  EXPECT_EQ(end.message(), "the first message of a session must be Hello");
}

TEST(FleetSession, HelloTwiceEndsTheSession) {
  RunningServer server;
  FakeWorker worker(server.address());
  worker.send(hello_of("w0"));
  worker.send(hello_of("w0"));
  EXPECT_EQ(worker.end().message(), "Hello came twice");
}

TEST(FleetSession, AMalformedMessageEndsTheSessionNamingTheField) {
  RunningServer server;
  FakeWorker worker(server.address());
  worker.send(hello_of("w0"));
  worker.send_garbage();
  EXPECT_EQ(worker.end().message(), "WorkerMessage.body is missing or of a kind that this version does not know");
}

TEST(FleetSession, ATrialGoesFromSubmitToItsResult) {
  RunningServer server;
  FakeWorker worker(server.address());
  worker.send(hello_of("w0"));
  worker.next<fleet::Welcome>();
  const auto client = server.client();
  ASSERT_TRUE(client->submit(small_sweep(), false, "key").ok());
  for (int i = 0; i < 2; ++i) {
    const auto start = worker.next<fleet::Start>();
    EXPECT_EQ(start.gang.members.size(), 1u);
    EXPECT_NE(start.config.find("digits"), std::string::npos);
    worker.complete(start, 0.9 + 0.01 * i);
    while (worker.next<fleet::Ack>().seq < Seq(3)) {
    }
  }
  std::optional<engine::SweepView> last;
  ASSERT_TRUE(client
                  ->watch("", -1,
                          [&](const cli::WatchView& view) {
                            last = view.sweep;
                            return true;
                          })
                  .ok());
  ASSERT_TRUE(last);
  EXPECT_EQ(last->state, "done");
  EXPECT_EQ(last->counts.at(TrialState::kSucceeded), 2);
  const auto report = client->report("small", {.format = report::Format::kCsv, .trials = true, .colour = false});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_NE(report->find("succeeded"), std::string::npos);
  EXPECT_NE(report->find("0.91"), std::string::npos) << *report;
}

TEST(FleetSession, AGangStartsOnBothRanksAndTheFollowerLearnsWhereTheLeaderListens) {
  RunningServer server;
  FakeWorker leader(server.address()), follower(server.address());
  leader.send(hello_of("w0", 0, 2));
  leader.next<fleet::Welcome>();
  follower.send(hello_of("w1", 1, 2));
  follower.next<fleet::Welcome>();
  ASSERT_TRUE(server.client()->submit(small_sweep(1, "gang", 2), false, "key").ok());
  const auto start = leader.next<fleet::Start>();
  const auto other = follower.next<fleet::Start>();
  ASSERT_EQ(start.gang.members.size(), 2u);
  EXPECT_EQ(start.gang.rank + other.gang.rank, 1);
  FakeWorker& first = start.gang.rank == 0 ? leader : follower;
  FakeWorker& second = start.gang.rank == 0 ? follower : leader;
  first.send(fleet::Event{start.key, Seq(1), fleet::Ready{"listening", "127.0.0.1:4711"}});
  EXPECT_EQ(second.next<fleet::Rendezvous>().endpoint, "127.0.0.1:4711");
}

TEST(FleetSession, StoppingTellsTheWorkersAndTakesLessThanTwoSeconds) {
  RunningServer server;
  FakeWorker worker(server.address());
  worker.send(hello_of("w0"));
  worker.next<fleet::Welcome>();
  const SystemClock clock;
  const SteadyTime before = clock.now().steady;
  server.stop();
  EXPECT_LT(clock.now().steady - before, std::chrono::seconds(2));
  worker.next<fleet::Shutdown>();
  EXPECT_TRUE(worker.end().ok());
}

TEST(FleetSession, ReadsTheAddressOutOfAPeerName) {
  EXPECT_EQ(address_of_peer("ipv4:10.0.0.7:41234"), "10.0.0.7");
  EXPECT_EQ(address_of_peer("ipv6:%5B::1%5D:5"), "::1");
  EXPECT_EQ(address_of_peer("ipv6:[fe80::1]:5"), "fe80::1");
  EXPECT_EQ(address_of_peer("unix:/tmp/x"), "");
  EXPECT_EQ(address_of_peer(""), "");
}

}  // namespace
}  // namespace autonorm::server
