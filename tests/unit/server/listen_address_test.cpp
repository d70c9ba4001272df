#include "coordinator/server/listen_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/base/durable_file.h"
#include "core/base/text.h"

namespace autonorm::server {
namespace {

TEST(ListenAddress, ReadsHostsAndPorts) {
  for (const char* text : {"127.0.0.1:0", "node7:50551", "[::1]:50551", "0.0.0.0:65535"}) {
    const auto address = parse_listen_address(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(to_text(*address), text);
  }
}

TEST(ListenAddress, RefusesWhatHasNoPortAndSaysTheForm) {
  for (const char* text :
       {"", "127.0.0.1", ":50551", "host:", "host:x", "host:65536", "host:-1", "::1:50551", "[::1:5"}) {
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_EQ(address.status().message(),
              cat("'", text, "' is not an address to listen on; it has the form HOST:PORT, e.g. 127.0.0.1:50551, or ",
                  "0.0.0.0:50551 for all networks; port 0 takes any free one"));
  }
}

TEST(ListenAddress, KnowsWhatOnlyThisMachineReaches) {
  EXPECT_TRUE(is_loopback({"127.0.0.1", 1}));
  EXPECT_TRUE(is_loopback({"localhost", 1}));
  EXPECT_TRUE(is_loopback({"::1", 1}));
  EXPECT_FALSE(is_loopback({"0.0.0.0", 1}));
  EXPECT_FALSE(is_loopback({"10.0.0.7", 1}));
}

TEST(ListenAddress, PortZeroFindsAFreeOne) {
  const auto port = try_listen({"127.0.0.1", 0});
  ASSERT_TRUE(port.ok()) << port.status().message();
  EXPECT_GT(*port, 0);
}

TEST(ListenAddress, ATakenPortNamesTheRemedy) {
  const Fd taken(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  socklen_t size = sizeof address;
  getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const uint16_t port = ntohs(address.sin_port);

  const auto tried = try_listen({"127.0.0.1", port});
  ASSERT_FALSE(tried.ok());
  EXPECT_EQ(tried.status().code(), Code::kConflict);
  EXPECT_EQ(tried.status().message(),
            cat("cannot listen on 127.0.0.1:", port, ": the port is taken, perhaps by another ",
                "coordinator; choose another with --listen HOST:PORT (port 0 takes any free one)"));
}

TEST(ListenAddress, AnAddressOfAnotherMachineIsRefused) {
  const auto tried = try_listen({"192.0.2.1", 0});  // reserved for documentation
  ASSERT_FALSE(tried.ok());
  EXPECT_EQ(tried.status().code(), Code::kInvalid);
  EXPECT_NE(tried.status().message().find("--listen"), std::string::npos);
}

}  // namespace
}  // namespace autonorm::server
