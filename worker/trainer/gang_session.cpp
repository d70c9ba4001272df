#include "worker/trainer/gang_session.h"

#include <charconv>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "core/distributed/process_gang.h"
#include "worker/trainer/listen_socket.h"
#include "worker/trainer/relay_backend.h"

namespace autonorm::trainer {
namespace {

using StorePtr = c10::intrusive_ptr<c10d::Store>;

constexpr std::chrono::milliseconds kPollInterval{20};

// Everything that must stay alive while the gang works.
class Session final : public GangSession {
 public:
  Session(StorePtr store, c10::intrusive_ptr<c10d::ProcessGroup> group, std::unique_ptr<distributed::Gang> gang)
      : store_(std::move(store)), group_(std::move(group)), gang_(std::move(gang)) {}
  distributed::Gang& gang() override { return *gang_; }

 private:
  StorePtr store_;
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
  std::unique_ptr<distributed::Gang> gang_;
};

c10d::TCPStoreOptions store_options(const Rendezvous& rendezvous, uint16_t port) {
  c10d::TCPStoreOptions options;
  options.port = port;
  options.waitWorkers = false;  // await_everyone() can be interrupted, this cannot
  options.timeout = rendezvous.timeout;
  return options;
}

Result<StorePtr> lead(const Rendezvous& rendezvous) {
  auto socket = listen_on_free_port(rendezvous.listen_host);
  if (!socket.ok()) return socket.status();
  auto options = store_options(rendezvous, socket->port);
  options.isServer = true;
  options.masterListenFd = socket->fd.release();  // the store closes it
  StorePtr store = c10::make_intrusive<c10d::TCPStore>(rendezvous.listen_host, options);
  rendezvous.announce(cat(rendezvous.listen_host, ':', socket->port));
  return store;
}

Result<StorePtr> follow(const Rendezvous& rendezvous) {
  const auto endpoint = rendezvous.wait_for_endpoint();
  if (!endpoint) return conflict("stopped while waiting for the gang's leader");
  const size_t colon = endpoint->rfind(':');
  uint16_t port = 0;
  const char* end = endpoint->data() + endpoint->size();
  if (colon == std::string::npos || std::from_chars(endpoint->data() + colon + 1, end, port).ptr != end) {
    return invalid("the gang's endpoint '", *endpoint, "' is not HOST:PORT");
  }
  return StorePtr(c10::make_intrusive<c10d::TCPStore>(endpoint->substr(0, colon), store_options(rendezvous, port)));
}

// Registers this rank and waits until all have. Polls, because a blocked wait could not see a stop.
Status await_everyone(const Rendezvous& rendezvous, c10d::Store& store) {
  const auto key = [](int rank) { return "joined/" + std::to_string(rank); };
  store.set(key(rendezvous.rank), std::vector<uint8_t>{1});
  std::vector<std::string> missing;
  for (int rank = 0; rank < rendezvous.size; ++rank) missing.push_back(key(rank));
  for (auto waited = std::chrono::milliseconds(0); waited < rendezvous.timeout; waited += kPollInterval) {
    std::erase_if(missing, [&](const std::string& one) { return store.check({one}); });
    if (missing.empty()) return {};
    if (rendezvous.stop_asked()) return conflict("stopped while waiting for the gang");
    std::this_thread::sleep_for(kPollInterval);
  }
  return unavailable("not every rank joined the gang within ", rendezvous.timeout.count() / 1000,
                     " s; missing: ", join(missing));
}

}  // namespace

Result<std::unique_ptr<GangSession>> GangSession::open(const Rendezvous& rendezvous, const TrialDevice& device,
                                                       RelayClient* relay) {
  if (rendezvous.size == 1)
    return std::unique_ptr<GangSession>(std::make_unique<Session>(nullptr, nullptr, distributed::make_single()));
  if (device.cuda == nullptr && relay == nullptr) {
    return invalid("a gang of ", rendezvous.size,
                   " ranks on the CPU needs the relay of a worker; run it with the coordinator");
  }
  auto store = rendezvous.rank == 0 ? lead(rendezvous) : follow(rendezvous);
  if (!store.ok()) return store.status();
  StorePtr own = c10::make_intrusive<c10d::PrefixStore>(rendezvous.name, *store);
  AUTONORM_RETURN_IF_ERROR(await_everyone(rendezvous, *own));
  c10::intrusive_ptr<c10d::ProcessGroup> group;
  if (device.cuda != nullptr) {
    group = device.cuda->make_nccl_group(own, {.rank = rendezvous.rank,
                                               .size = rendezvous.size,
                                               .device = device.device.index(),
                                               .timeout = std::chrono::minutes(10)});
  } else {
    relay->begin_attempt();
    group = make_relay_group(own, rendezvous.rank, rendezvous.size, *relay);
  }
  auto gang = distributed::make_gang(group, device.device);
  return std::unique_ptr<GangSession>(std::make_unique<Session>(own, group, std::move(gang)));
}

}  // namespace autonorm::trainer
