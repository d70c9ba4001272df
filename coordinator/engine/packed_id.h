// Hex identifiers as bytes. The engine keeps every trial there ever was: as text an id takes three times the room.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <string>

#include "core/base/status.h"

namespace autonorm::engine {

// Holds `Bytes` bytes, or nothing (no identifier consists of zeros alone). Converts from and to Id, whose text must be
// empty or 2 · Bytes lower-case hex digits: the codec and the store hand in no others.
template <class Id, size_t Bytes>
class PackedId {
 public:
  PackedId() = default;
  PackedId(const Id& id) {  // implicit: stands where an Id stands
    const std::string& text = id.value();
    if (text.empty()) return;
    AUTONORM_CHECK(text.size() == 2 * Bytes, "'", text, "' has not ", 2 * Bytes, " hex digits");
    for (size_t i = 0; i < Bytes; ++i)
      bytes_[i] = static_cast<uint8_t>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  }

  operator Id() const { return Id(value()); }
  std::string value() const {
    if (bytes_ == std::array<uint8_t, Bytes>{}) return {};
    std::string text(2 * Bytes, '0');
    for (size_t i = 0; i < Bytes; ++i) {
      text[2 * i] = kDigits[bytes_[i] >> 4];
      text[2 * i + 1] = kDigits[bytes_[i] & 15];
    }
    return text;
  }
  // Of a hash, any part is as good as another.
  uint64_t word() const {
    uint64_t word = 0;
    std::memcpy(&word, bytes_.data(), sizeof word);
    return word;
  }

  friend bool operator==(const PackedId&, const PackedId&) = default;
  friend std::ostream& operator<<(std::ostream& out, const PackedId& id) { return out << id.value(); }

 private:
  static constexpr const char* kDigits = "0123456789abcdef";
  static uint8_t digit(char c) {
    const bool decimal = c >= '0' && c <= '9';
    AUTONORM_CHECK(decimal || (c >= 'a' && c <= 'f'), "'", c, "' is no hex digit");
    return static_cast<uint8_t>(decimal ? c - '0' : c - 'a' + 10);
  }

  std::array<uint8_t, Bytes> bytes_{};
};

}  // namespace autonorm::engine
