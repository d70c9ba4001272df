#include "coordinator/server/listen_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "core/base/durable_file.h"
#include "core/base/text.h"

namespace autonorm::server {

namespace {

uint16_t bound_port(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size);
  const bool v6 = storage.ss_family == AF_INET6;
  return ntohs(v6 ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                  : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
  const auto wrong = [&] {
    return invalid("'", text, "' is not an address to listen on; it has the form HOST:PORT, e.g. 127.0.0.1:50551, ",
                   "or 0.0.0.0:50551 for all networks; port 0 takes any free one");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return wrong();
  ListenAddress address{.host = text.substr(0, colon), .port = 0};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc() || stopped != end) return wrong();
  if (address.host.starts_with('[')) {
    if (!address.host.ends_with(']')) return wrong();
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return wrong();  // an IPv6 number needs its brackets
  }
  return address;
}

std::string to_text(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return cat(v6 ? "[" : "", address.host, v6 ? "]:" : ":", address.port);
}

bool is_loopback(const ListenAddress& address) {
  return address.host.starts_with("127.") || address.host == "localhost" || address.host == "::1";
}

Result<uint16_t> try_listen(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found)) {
    return invalid("cannot listen on ", to_text(address), ": ", gai_strerror(error),
                   "; name an address of this machine with --listen HOST:PORT");
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  const Fd socket(::socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0));
  const int on = 1;  // as gRPC does: a port whose last connections are still closing is free
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(socket.get(), found->ai_addr, found->ai_addrlen) == 0 && ::listen(socket.get(), 1) == 0) {
    return bound_port(socket.get());
  }
  if (errno == EADDRINUSE) {
    return conflict("cannot listen on ", to_text(address), ": the port is taken, perhaps by another coordinator; ",
                    "choose another with --listen HOST:PORT (port 0 takes any free one)");
  }
  return invalid("cannot listen on ", to_text(address), ": ", std::strerror(errno),
                 "; name an address of this machine with --listen HOST:PORT");
}

}  // namespace autonorm::server
