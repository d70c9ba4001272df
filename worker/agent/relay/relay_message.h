// What two workers tell each other about a collective: a header of 64 bytes, then a piece of the request's data.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "worker/agent/relay/fabric.h"
#include "worker/relay_protocol.h"

namespace autonorm::agent {

enum class PartKind : uint32_t { kContribution = 1, kSum = 2, kFin = 3, kAbort = 4 };

// A collective as every rank of the gang must see it.
struct RelayRequest {
  worker::RelayOp op{};
  worker::RelayDtype dtype{};
  uint32_t root = 0, unused = 0;
  uint64_t count = 0, sequence = 0;
  bool operator==(const RelayRequest&) const = default;
  size_t bytes(uint64_t elements) const { return elements * worker::element_bytes(dtype); }
};

// Why a gang of `size` ranks cannot carry it out; "" = it can.
std::string unsupported(const RelayRequest& request, int size);
std::string describe(const RelayRequest& request);  // for messages about a failure

// 64 bytes, so that the payload behind it stays aligned for every element type.
struct alignas(64) PartHeader {
  uint32_t magic = worker::kRelayMagic;
  PartKind kind{};
  RelayRequest request;
  uint64_t offset = 0, elements = 0;  // of the payload within the request's data
};
static_assert(sizeof(PartHeader) == 64);

// `data` is all of the request's data, of which the message carries [offset, offset + elements).
Message make_part(PartKind kind, const RelayRequest& request, uint64_t offset, uint64_t elements,
                  const std::byte* data);
Message make_leave(PartKind how);  // kFin or kAbort
// Absent when the message is too short for one. The payload's length is for the caller to compare.
std::optional<PartHeader> read_header(const Message& message);
bool says_leave(const PartHeader& header);
inline const std::byte* payload_of(const Message& message) { return message.data() + sizeof(PartHeader); }

}  // namespace autonorm::agent
