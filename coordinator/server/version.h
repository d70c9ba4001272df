// Of this program and of the Control protocol.
#pragma once
#include <cstdint>
#include <string_view>

namespace autonorm::server {

inline constexpr int32_t kControlProtocol = 3;  // a client with another number is refused, naming both
inline constexpr std::string_view kBuildVersion = AUTONORM_VERSION;

}  // namespace autonorm::server
