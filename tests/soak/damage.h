// Everything that can happen to a file's bytes: cut short, or a bit turned over.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "core/base/philox.h"

namespace autonorm::soak {

// Calls `visit` with what was done and the bytes that are left: once for each whole percent of the length that is cut
// off (1 … 100 %), then for `flips` random bits.
void for_each_damage(const std::string& whole, int64_t flips, const RandomStream& random,
                     const std::function<void(const std::string& what, const std::string& bytes)>& visit);

}  // namespace autonorm::soak
