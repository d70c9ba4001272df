#include "coordinator/cli/reconnecting.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/base/text.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::cli {
namespace {

struct Reconnecting : ::testing::Test {
  std::ostringstream out, err;
  const SystemClock clock;
  Environment environment{.out = out,
                          .err = err,
                          .clock = clock,
                          .random_key = [] { return std::string("key"); },
                          .program_folder = "/nonexistent",
                          .search_path = "",
                          .defaults = {}};
};

TEST_F(Reconnecting, ACallGoesOnAfterARestartOfTheCoordinator) {
  RunningServer server;
  const std::string address = server.address();
  int calls = 0;
  const Status status = with_reconnects(address, environment, [&](ControlClient& client, const auto& heard) {
    if (++calls == 1) {
      server.stop();
      const Status gone = client.info().status();
      server.start(address);
      return gone;
    }
    heard();
    return client.info().status();
  });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(err.str(), cat("the coordinator at ", address, " is away; trying again for 5 min\nconnected again\n"));
}

TEST_F(Reconnecting, OtherFailuresEndIt) {
  RunningServer server;
  int calls = 0;
  const Status status = with_reconnects(server.address(), environment, [&](ControlClient& client, const auto&) {
    ++calls;
    return client.explain("no-such-trial").status();
  });
  EXPECT_EQ(status.code(), Code::kNotFound) << status.message();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(err.str(), "");
}

TEST_F(Reconnecting, WhereNobodyAnswersItDoesNotWait) {
  const auto never = [](ControlClient&, const auto&) { return Status(); };
  EXPECT_EQ(with_reconnects("127.0.0.1:9", environment, never).code(), Code::kUnavailable);
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace autonorm::cli
