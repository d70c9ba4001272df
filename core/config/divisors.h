// The numbers that divide a width: what heads and groups may be.
#pragma once
#include <cstdint>
#include <string>

namespace autonorm::config {

// "1, 2, 4, 8"; n ≥ 1
std::string divisors_text(int64_t n);

}  // namespace autonorm::config
