#include "coordinator/server/session_registry.h"

#include <gtest/gtest.h>

#include <thread>

namespace autonorm::server {
namespace {

struct Recorded final : OutgoingStream {
  std::vector<fleet::ToWorker> sent;
  int closed = 0;
  void send(const fleet::ToWorker& message) override { sent.push_back(message); }
  void close() override { ++closed; }
};

TEST(SessionRegistry, SendsToTheSessionAndNobodyElse) {
  SessionRegistry registry;
  Recorded a, b;
  const SessionId first = registry.add(a), second = registry.add(b);
  EXPECT_NE(first, second);
  registry.send(second, fleet::Drain{});
  EXPECT_TRUE(a.sent.empty());
  ASSERT_EQ(b.sent.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<fleet::Drain>(b.sent[0]));
}

TEST(SessionRegistry, DropsWhatIsForASessionThatIsGone) {
  SessionRegistry registry;
  Recorded a;
  const SessionId id = registry.add(a);
  registry.remove(id);
  registry.send(id, fleet::Drain{});
  registry.close(id);
  EXPECT_TRUE(a.sent.empty());
  EXPECT_EQ(a.closed, 0);
}

TEST(SessionRegistry, NeverUsesAnIdTwice) {
  SessionRegistry registry;
  Recorded a;
  const SessionId first = registry.add(a);
  registry.remove(first);
  EXPECT_LT(first, registry.add(a));
}

TEST(SessionRegistry, WaitsUntilTheLastOneIsGone) {
  SessionRegistry registry;
  Recorded a, b;
  const SessionId first = registry.add(a), second = registry.add(b);
  registry.close_all();
  EXPECT_EQ(a.closed + b.closed, 2);
  registry.remove(first);
  EXPECT_FALSE(registry.wait_empty(std::chrono::milliseconds(1)));
  std::thread leaver([&] { registry.remove(second); });
  EXPECT_TRUE(registry.wait_empty(std::chrono::seconds(20)));
  leaver.join();
}

}  // namespace
}  // namespace autonorm::server
