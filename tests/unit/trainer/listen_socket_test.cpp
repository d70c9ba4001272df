#include "worker/trainer/listen_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "core/base/log.h"
#include "gmock/gmock.h"

namespace autonorm::trainer {
namespace {

using testing::HasSubstr;

in_addr_t address_of(const Fd& fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohl(address.sin_addr.s_addr);
}

TEST(ListenSocket, ListensOnTheAddressAlone) {
  const auto first = listen_on_free_port("127.0.0.1");
  const auto second = listen_on_free_port("127.0.0.1");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_GT(first->port, 0);
  EXPECT_NE(first->port, second->port);
  EXPECT_EQ(address_of(first->fd), INADDR_LOOPBACK);
}

TEST(ListenSocket, AnOutsideAddressListensEverywhereAndSaysSo) {
  std::string logged;
  set_log_sink([&](LogLevel, const std::string& text) { logged += text; });
  const auto socket = listen_on_free_port("192.0.2.1");  // TEST-NET-1: nobody's
  set_log_sink([](LogLevel, const std::string&) {});
  ASSERT_TRUE(socket.ok()) << socket.status().message();
  EXPECT_EQ(address_of(socket->fd), INADDR_ANY);
  EXPECT_THAT(logged, HasSubstr("192.0.2.1"));
}

TEST(ListenSocket, AnUnknownNameIsInvalidAndTellsTheRemedy) {
  const auto socket = listen_on_free_port("no such host.invalid");
  ASSERT_EQ(socket.status().code(), Code::kInvalid);
  EXPECT_THAT(socket.status().message(), HasSubstr("--host"));
}

}  // namespace
}  // namespace autonorm::trainer
