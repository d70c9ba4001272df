// Brings the ranks of one attempt together: the leader opens a store on a free port and says where, the others connect,
// and when every rank has registered, each has its gang.
#pragma once
#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/base/status.h"
#include "core/distributed/gang.h"
#include "worker/trainer/device.h"
#include "worker/trainer/relay_client.h"

namespace autonorm::trainer {

// What a rank needs from the outside while it looks for the others.
struct Rendezvous {
  std::string name;  // of the attempt; a prefix of every key in the store
  int rank = 0, size = 1;
  std::string listen_host;  // leader: the address to listen on and to be reached at
  std::chrono::milliseconds timeout{120'000};
  std::function<void(const std::string& endpoint)> announce;      // leader: "host:port"
  std::function<std::optional<std::string>()> wait_for_endpoint;  // others; nullopt: stopped
  std::function<bool()> stop_asked;
};

class GangSession {
 public:
  virtual ~GangSession() = default;
  virtual distributed::Gang& gang() = 0;

  // size 1 needs nobody. On a GPU the group is NCCL's, on the CPU the relay's: `relay` must then not be null and
  // outlive the session. kConflict: stopped while waiting. kUnavailable: not everybody came. kInvalid: no relay, or an
  // unusable address. Throws c10::Error.
  static Result<std::unique_ptr<GangSession>> open(const Rendezvous& rendezvous, const TrialDevice& device,
                                                   RelayClient* relay);
};

}  // namespace autonorm::trainer
