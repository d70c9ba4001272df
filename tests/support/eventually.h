// Waiting for what another thread or process brings about.
#pragma once
#include <poll.h>

#include <chrono>
#include <functional>

namespace autonorm::testing {

// True as soon as `condition` holds; false when it does not within `limit`.
inline bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::poll(nullptr, 0, 2);  // gives the others the processor between two looks
  }
  return true;
}

}  // namespace autonorm::testing
