#include "proto/codec/wire_values.h"

#include <algorithm>
#include <array>

namespace autonorm::codec {
namespace {

constexpr int64_t kLongestDurationMs = 30LL * 24 * 3600 * 1000;  // far above any timeout, far below overflow

constexpr auto kReasons = std::to_array<std::pair<EndReason, v1::EndReason>>({
    {EndReason::kCompleted, v1::END_REASON_COMPLETED},
    {EndReason::kDiverged, v1::END_REASON_DIVERGED},
    {EndReason::kBadConfig, v1::END_REASON_BAD_CONFIG},
    {EndReason::kDataCorrupt, v1::END_REASON_DATA_CORRUPT},
    {EndReason::kDataMissing, v1::END_REASON_DATA_MISSING},
    {EndReason::kCancelled, v1::END_REASON_CANCELLED},
    {EndReason::kTimeout, v1::END_REASON_TIMEOUT},
    {EndReason::kWorkerLost, v1::END_REASON_WORKER_LOST},
    {EndReason::kPreempted, v1::END_REASON_PREEMPTED},
    {EndReason::kHostOom, v1::END_REASON_HOST_OOM},
    {EndReason::kDeviceOom, v1::END_REASON_DEVICE_OOM},
    {EndReason::kTrainerCrashed, v1::END_REASON_TRAINER_CRASHED},
    {EndReason::kCollectiveAborted, v1::END_REASON_COLLECTIVE_ABORTED},
    {EndReason::kStalled, v1::END_REASON_STALLED},
    {EndReason::kParent, v1::END_REASON_PARENT},
});
static_assert(kReasons.size() == static_cast<size_t>(EndReason::kParent) + 1, "every reason has a wire number");

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

void encode_key(const fleet::AttemptKey& key, v1::AttemptKey& wire) {
  wire.set_trial(key.trial.value());
  wire.set_attempt(key.attempt.value());
  wire.set_token(key.token.value());
}

v1::EndReason encode_reason(EndReason reason) {
  const auto* row = std::ranges::find(kReasons, reason, &std::pair<EndReason, v1::EndReason>::first);
  AUTONORM_CHECK(row != kReasons.end(), "end reason ", static_cast<int>(reason), " has no wire number");
  return row->second;
}

void encode_map(const std::map<std::string, double>& map, NamedNumbers& wire) {
  for (const auto& [name, value] : map) {
    auto& entry = *wire.Add();
    entry.set_name(name);
    entry.set_value(value);
  }
}

void encode_map(const std::map<std::string, std::string>& map, NamedTexts& wire) {
  for (const auto& [name, value] : map) {
    auto& entry = *wire.Add();
    entry.set_name(name);
    entry.set_value(value);
  }
}

void encode_map(const std::map<std::string, Sha256>& map, NamedHashes& wire) {
  for (const auto& [name, hash] : map) {
    auto& entry = *wire.Add();
    entry.set_name(name);
    entry.set_sha256(hash.value());
  }
}

void WireReader::fail(std::string_view field, std::string_view problem) {
  if (status_.ok()) status_ = invalid(message_, ".", field, " ", problem);
}

std::string WireReader::hex(const std::string& text, size_t digits, std::string_view field) {
  if (text.size() == digits && std::ranges::all_of(text, is_hex)) return text;
  fail(field, cat("must be ", digits, " lower-case hex digits"));
  return {};
}

fleet::AttemptKey WireReader::key(const v1::AttemptKey& wire) {
  return {TrialId(hex(wire.trial(), 64, "key.trial")), Attempt(at_least(wire.attempt(), 1, "key.attempt")),
          Token(hex(wire.token(), 32, "key.token"))};
}

Sha256 WireReader::hash(const std::string& text, std::string_view field) { return Sha256(hex(text, 64, field)); }

EndReason WireReader::reason(v1::EndReason wire) {
  const auto* row = std::ranges::find(kReasons, wire, &std::pair<EndReason, v1::EndReason>::second);
  if (row != kReasons.end()) return row->first;
  fail("reason", cat("is ", static_cast<int>(wire), ", which this version does not know"));
  return EndReason::kCompleted;
}

std::string WireReader::not_empty(const std::string& text, std::string_view field) {
  if (text.empty()) fail(field, "must not be empty");
  return text;
}

std::chrono::milliseconds WireReader::duration(int64_t ms, std::string_view field) {
  return std::chrono::milliseconds(within<int64_t>(ms, 0, kLongestDurationMs, field));
}

std::map<std::string, double> WireReader::numbers(const NamedNumbers& wire, std::string_view field) {
  std::map<std::string, double> map;
  for (const auto& entry : wire) {
    if (!map.emplace(entry.name(), entry.value()).second) fail(field, "names '" + entry.name() + "' twice");
  }
  return map;
}

std::map<std::string, std::string> WireReader::texts(const NamedTexts& wire, std::string_view field) {
  std::map<std::string, std::string> map;
  for (const auto& entry : wire) {
    if (!map.emplace(entry.name(), entry.value()).second) fail(field, "names '" + entry.name() + "' twice");
  }
  return map;
}

std::map<std::string, Sha256> WireReader::hashes(const NamedHashes& wire, std::string_view field) {
  std::map<std::string, Sha256> map;
  for (const auto& entry : wire) {
    if (!map.emplace(entry.name(), hash(entry.sha256(), field)).second)
      fail(field, "names '" + entry.name() + "' twice");
  }
  return map;
}

}  // namespace autonorm::codec
