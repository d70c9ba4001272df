// CRC-32C (Castagnoli), and the masked form of TFRecord files.
#pragma once
#include <cstdint>
#include <string_view>

namespace autonorm::exporting {

uint32_t crc32c(std::string_view bytes);
// Rotated and shifted, so that the checksum of data that holds checksums is no trivial one.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace autonorm::exporting
