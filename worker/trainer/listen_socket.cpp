#include "worker/trainer/listen_socket.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "core/base/log.h"

namespace autonorm::trainer {
namespace {

constexpr int kBacklog = 128;

struct AddressEnd {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, AddressEnd>;

Result<Addresses> resolve(const char* host, const std::string& shown) {
  addrinfo hints{};
  hints.ai_family = host == nullptr ? AF_INET : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  if (const int code = getaddrinfo(host, "0", &hints, &list); code != 0) {
    return invalid("listen address '", shown, "': ", gai_strerror(code), "; start the worker with --host ADDRESS");
  }
  return Addresses(list);
}

Result<uint16_t> bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return system_error("port of the store", errno);
  char port[NI_MAXSERV];
  getnameinfo(reinterpret_cast<sockaddr*>(&address), length, nullptr, 0, port, sizeof port, NI_NUMERICSERV);
  return static_cast<uint16_t>(std::stoi(port));
}

Result<ListenSocket> listen_at(const addrinfo& address, const std::string& shown) {
  Fd fd(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return system_error("socket for the store", errno);
  if (bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    return errno == EADDRNOTAVAIL ? not_found(shown) : system_error("listening on " + shown, errno);
  }
  if (listen(fd.get(), kBacklog) != 0) return system_error("listening on " + shown, errno);
  const auto port = bound_port(fd.get());
  if (!port.ok()) return port.status();
  return ListenSocket{std::move(fd), *port};
}

}  // namespace

Result<ListenSocket> listen_on_free_port(const std::string& host) {
  const auto addresses = resolve(host.c_str(), host);
  if (!addresses.ok()) return addresses.status();
  auto socket = listen_at(**addresses, host);
  if (socket.ok() || socket.status().code() != Code::kNotFound) return socket;
  log_warning("'", host, "' is no address of this machine's interfaces; the gang's store listens on all of them");
  const auto any = resolve(nullptr, "any address");
  if (!any.ok()) return any.status();
  return listen_at(**any, "any address");
}

}  // namespace autonorm::trainer
