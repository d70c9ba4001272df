// What few trials have, at the cost of a pointer for the others; and a short word without the room of a std::string.
// The engine keeps every trial there ever was, so each byte of one counts a few hundred thousand times.
#pragma once
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/status.h"

namespace autonorm::engine {

// Stands where a std::optional<T> stands; moves only.
template <class T>
class Seldom {
 public:
  Seldom() = default;
  Seldom(std::optional<T> value) { *this = std::move(value); }  // implicit, like the way back
  Seldom& operator=(std::optional<T> value) {
    value_ = value ? std::make_unique<T>(*std::move(value)) : nullptr;
    return *this;
  }
  operator std::optional<T>() const { return value_ ? std::optional<T>(*value_) : std::nullopt; }
  explicit operator bool() const { return value_ != nullptr; }
  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  void reset() { value_.reset(); }

 private:
  std::unique_ptr<T> value_;
};

// Stands where a std::string stands that is mostly empty; moves only.
class SeldomText {
 public:
  SeldomText& operator=(std::string text) {
    text_ = text.empty() ? nullptr : std::make_unique<std::string>(std::move(text));
    return *this;
  }
  bool empty() const { return text_ == nullptr; }
  operator std::string() const { return text_ ? *text_ : std::string(); }
  operator std::string_view() const { return text_ ? std::string_view(*text_) : std::string_view(); }
  friend std::ostream& operator<<(std::ostream& out, const SeldomText& text) {
    return text.text_ ? out << *text.text_ : out;
  }

 private:
  std::unique_ptr<std::string> text_;
};

// At most 8 bytes: a class of devices.
class ShortWord {
 public:
  ShortWord() = default;
  ShortWord(std::string_view word) {  // implicit, like the way back
    AUTONORM_CHECK(word.size() <= bytes_.size(), "'", word, "' is longer than ", bytes_.size(), " bytes");
    std::memcpy(bytes_.data(), word.data(), word.size());
  }
  ShortWord(const std::string& word) : ShortWord(std::string_view(word)) {}
  operator std::string_view() const { return {bytes_.data(), ::strnlen(bytes_.data(), bytes_.size())}; }
  operator std::string() const { return std::string(std::string_view(*this)); }
  friend bool operator==(const ShortWord& a, std::string_view b) { return std::string_view(a) == b; }

 private:
  std::array<char, 8> bytes_{};
};

}  // namespace autonorm::engine
