#include "worker/agent/relay/relay_message.h"

#include <cstring>

#include "core/base/text.h"

namespace autonorm::agent {

using worker::RelayOp;

std::string unsupported(const RelayRequest& request, int size) {
  const bool known_op = request.op >= RelayOp::kAllReduceSum && request.op <= RelayOp::kBarrier;
  if (!known_op) return cat("operation ", static_cast<uint32_t>(request.op), " is not known");
  if (request.op == RelayOp::kBarrier) return "";
  const size_t element = worker::element_bytes(request.dtype);
  if (element == 0) return cat("element type ", static_cast<uint32_t>(request.dtype), " is not known");
  const uint64_t copies = request.op == RelayOp::kAllGather ? static_cast<uint64_t>(size) : 1;
  if (request.count > worker::kRelayDataBytes / element / copies) return "the data do not fit into the shared segment";
  if (request.op == RelayOp::kBroadcast && request.root >= static_cast<uint32_t>(size)) return "the root is not a rank";
  return "";
}

std::string describe(const RelayRequest& request) {
  return cat(worker::op_name(request.op), " ", request.sequence, " of ", request.count, " elements (type ",
             static_cast<uint32_t>(request.dtype), ", root ", request.root, ")");
}

Message make_part(PartKind kind, const RelayRequest& request, uint64_t offset, uint64_t elements,
                  const std::byte* data) {
  PartHeader header;
  header.kind = kind;
  header.request = request;
  header.offset = offset;
  header.elements = elements;
  Message message(sizeof(PartHeader) + request.bytes(elements));
  std::memcpy(message.data(), &header, sizeof(PartHeader));
  if (elements > 0)
    std::memcpy(message.data() + sizeof(PartHeader), data + request.bytes(offset), request.bytes(elements));
  return message;
}

Message make_leave(PartKind how) { return make_part(how, {}, 0, 0, nullptr); }

std::optional<PartHeader> read_header(const Message& message) {
  if (message.size() < sizeof(PartHeader)) return std::nullopt;
  PartHeader header;
  std::memcpy(&header, message.data(), sizeof(PartHeader));
  return header;
}

bool says_leave(const PartHeader& header) { return header.kind == PartKind::kFin || header.kind == PartKind::kAbort; }

}  // namespace autonorm::agent
