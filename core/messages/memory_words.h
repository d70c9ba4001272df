// Amounts of memory, for people.
#pragma once
#include <cstdint>
#include <string>

#include "core/messages/fleet.h"

namespace autonorm {

std::string bytes_text(int64_t bytes);  // "512 B", "1.5 GiB"

// "trainer 1.5 GiB, limit of its control group 2.0 GiB, 1 out-of-memory kill"; only what is known, empty when nothing
// is.
std::string memory_words(const fleet::MemoryAtDeath& memory);

}  // namespace autonorm
