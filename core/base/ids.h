// Typed identities. A number or string of one kind does not convert to another.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

namespace autonorm {

// A strong type over Value, distinguished by Tag; ordered, hashable, printable.
template <class Tag, class Value>
class Id {
 public:
  using value_type = Value;
  Id() = default;
  explicit Id(Value value) : value_(std::move(value)) {}
  const Value& value() const { return value_; }
  auto operator<=>(const Id&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.value_; }

 private:
  Value value_{};
};

using TrialId = Id<struct TrialTag, std::string>;    // 64 hex digits: SHA-256 of the canonical configuration
using SweepId = Id<struct SweepTag, int64_t>;        // 1, 2, … in order of submission
using WorkerId = Id<struct WorkerTag, std::string>;  // one per MPI rank and work-dir; survives reconnects
using Attempt = Id<struct AttemptTag, int32_t>;      // 1, 2, …; 0 = none yet
using Token = Id<struct TokenTag, std::string>;      // fences one attempt: 32 hex digits, new for each attempt
using Seq = Id<struct SeqTag, int64_t>;              // of an event within its attempt, 1, 2, …; 0 = none
using SessionId = Id<struct SessionTag, int64_t>;    // one connection of a worker
using Sha256 = Id<struct Sha256Tag, std::string>;    // 64 hex digits

// The first 12 digits: what people see and type.
inline std::string short_form(const TrialId& id) { return id.value().substr(0, 12); }

}  // namespace autonorm

template <class Tag, class Value>
struct std::hash<autonorm::Id<Tag, Value>> {
  size_t operator()(const autonorm::Id<Tag, Value>& id) const { return std::hash<Value>{}(id.value()); }
};
