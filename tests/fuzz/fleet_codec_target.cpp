// A message of either direction (the first byte chooses) in protobuf's format: decoded or refused, and what was decoded
// survives the wire.
#include "autonorm/v1/fleet.pb.h"
#include "proto/codec/fleet_codec.h"
#include "tests/fuzz/fuzz_target.h"

namespace autonorm {
namespace {

template <class Wire>
void check(std::string_view bytes) {
  Wire wire;
  if (!wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const auto message = codec::decode(wire);
  if (!message.ok()) {
    fuzz::require(message.status().code() == Code::kInvalid, "a wrong message is invalid, nothing else");
    fuzz::require(!message.status().message().empty(), "a refusal says why");
    return;
  }
  if (*message != *message) return;  // holds a NaN, which equals nothing
  const auto again = codec::decode(codec::encode(*message));
  fuzz::require(again.ok() && *again == *message, "what was decoded survives the wire");
}

}  // namespace
}  // namespace autonorm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = autonorm::fuzz::text_of(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    autonorm::check<autonorm::v1::WorkerMessage>(bytes);
  } else {
    autonorm::check<autonorm::v1::CoordinatorMessage>(bytes);
  }
  return 0;
}
