#include "worker/agent/local_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>

#include "core/base/durable_file.h"

namespace autonorm::agent {

std::string source_address_towards(const std::string& peer) {
  const std::string loopback = "127.0.0.1";
  const size_t colon = peer.rfind(':');
  if (colon == std::string::npos) return loopback;
  std::string host = peer.substr(0, colon);
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), peer.substr(colon + 1).c_str(), &hints, &list) != 0) return loopback;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  // Connecting a datagram socket only chooses the route.
  const Fd probe(socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe.valid() || connect(probe.get(), list->ai_addr, list->ai_addrlen) != 0) return loopback;
  sockaddr_storage own{};
  socklen_t length = sizeof(own);
  std::array<char, NI_MAXHOST> text{};
  if (getsockname(probe.get(), reinterpret_cast<sockaddr*>(&own), &length) != 0) return loopback;
  if (getnameinfo(reinterpret_cast<sockaddr*>(&own), length, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
    return loopback;
  return text.data();
}

}  // namespace autonorm::agent
