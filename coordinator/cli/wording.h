// How numbers and times read.
#pragma once
#include <cstdint>
#include <string>

#include "core/base/clock.h"
#include "core/messages/memory_words.h"

namespace autonorm::cli {

std::string duration_text(double seconds);                       // "8 s", "3 min 5 s", "2 h 10 min", "3 d 4 h"
std::string count_text(int64_t count, const std::string& noun);  // "1 trial", "12,345 trials"
std::string number_text(int64_t number);                         // "12,345"
std::string loss_text(double loss);                              // 4 significant digits
std::string time_text(WallTime time);  // ISO 8601 in UTC, whole seconds: "2025-01-31T12:00:00Z"

}  // namespace autonorm::cli
