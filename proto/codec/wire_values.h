// The values that several messages share: hashes, attempt keys, end reasons, named maps.
#pragma once
#include <chrono>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "autonorm/v1/common.pb.h"
#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/messages/fleet.h"

namespace autonorm::codec {

using NamedNumbers = google::protobuf::RepeatedPtrField<v1::NamedNumber>;
using NamedTexts = google::protobuf::RepeatedPtrField<v1::NamedText>;
using NamedHashes = google::protobuf::RepeatedPtrField<v1::NamedHash>;

void encode_key(const fleet::AttemptKey& key, v1::AttemptKey& wire);
v1::EndReason encode_reason(EndReason reason);
void encode_map(const std::map<std::string, double>& map, NamedNumbers& wire);
void encode_map(const std::map<std::string, std::string>& map, NamedTexts& wire);
void encode_map(const std::map<std::string, Sha256>& map, NamedHashes& wire);

// Checks wire fields while reading them and remembers the first failure, so that a decoder reads like its message: take
// every field, then ask status(). After a failure the values handed out are defaults.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : message_(message) {}

  fleet::AttemptKey key(const v1::AttemptKey& wire);
  Sha256 hash(const std::string& hex, std::string_view field);
  EndReason reason(v1::EndReason wire);
  std::string not_empty(const std::string& text, std::string_view field);
  // A number within [low, high].
  template <class T>
  T within(T value, T low, T high, std::string_view field) {
    if (value >= low && value <= high) return value;
    fail(field, cat("is ", value, "; allowed is ", low, " to ", high));
    return low;
  }
  template <class T>
  T at_least(T value, T low, std::string_view field) {
    return within(value, low, std::numeric_limits<T>::max(), field);
  }
  std::chrono::milliseconds duration(int64_t ms, std::string_view field);
  std::map<std::string, double> numbers(const NamedNumbers& wire, std::string_view field);
  std::map<std::string, std::string> texts(const NamedTexts& wire, std::string_view field);
  std::map<std::string, Sha256> hashes(const NamedHashes& wire, std::string_view field);

  void fail(std::string_view field, std::string_view problem);
  const Status& status() const { return status_; }

 private:
  std::string hex(const std::string& text, size_t digits, std::string_view field);

  const std::string message_;
  Status status_;
};

}  // namespace autonorm::codec
