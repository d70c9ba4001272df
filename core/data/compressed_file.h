// Reads a file that may be gzip-compressed, wholly into memory.
#pragma once
#include <filesystem>
#include <string>

#include "core/base/status.h"

namespace autonorm::data {

// No data file of ours is larger; a file that unpacks to more is refused before it fills the memory.
inline constexpr size_t kMaxUnpackedBytes = size_t{2} << 30;

// The content; unpacked (RFC 1952, several members allowed) when the file starts with gzip's magic bytes, whatever its
// name. kInvalid: the compressed data is damaged or cut off; the message names the file and the byte offset in it.
Result<std::string> read_possibly_compressed(const std::filesystem::path& path, size_t max_bytes = kMaxUnpackedBytes);

}  // namespace autonorm::data
