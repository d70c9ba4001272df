#include "coordinator/cli/reconnecting.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "coordinator/cli/wording.h"

namespace autonorm::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{500}, kLongestPause{8'000};
constexpr std::chrono::minutes kPatience{5};

}  // namespace

Status with_reconnects(const std::string& coordinator, Environment& environment,
                       const std::function<Status(ControlClient&, const std::function<void()>& heard)>& stream) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return client.status();
  std::optional<SteadyTime> lost;
  milliseconds pause = kFirstPause;
  const auto heard = [&] {
    if (lost) environment.err << "connected again" << std::endl;
    lost.reset(), pause = kFirstPause;
  };
  while (true) {
    const Status status = client.ok() ? stream(**client, heard) : client.status();
    if (status.code() != Code::kUnavailable) return status;
    const SteadyTime now = environment.clock.now().steady;
    if (!lost) {
      environment.err << "the coordinator at " << coordinator << " is away; trying again for "
                      << duration_text(std::chrono::duration<double>(kPatience).count()) << std::endl;
      lost = now;
    }
    if (now - *lost >= kPatience) return status;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
    client = ControlClient::connect(coordinator);
  }
}

}  // namespace autonorm::cli
