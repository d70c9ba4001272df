// TOML text to a tree of values with places. The only part that knows the TOML library.
#pragma once
#include <string>

#include "core/config/diagnostics.h"
#include "core/config/value.h"

namespace autonorm::config {

inline constexpr size_t kMaxSweepFileBytes = 1 << 20;

// Parses the text of `diagnostics` file number `file`. False: not TOML 1.0; one error says where.
bool read_toml(const std::string& text, int file, Value& root, Diagnostics& diagnostics);

}  // namespace autonorm::config
