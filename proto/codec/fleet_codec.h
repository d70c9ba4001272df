// Fleet messages: values (core/messages/fleet.h) ↔ wire (proto/autonorm/v1/fleet.proto).
//
// encode() is total. decode() accepts exactly what encode() makes of valid values and refuses the rest with kInvalid,
// naming message and field; decode(encode(v)) == v for every valid v. A Hello of another protocol version decodes
// without its attempts, so that the engine can refuse it by its version. Free text may be any bytes. Thread-safe, no
// state.
#pragma once
#include "core/base/status.h"
#include "core/messages/fleet.h"

namespace autonorm::v1 {
class WorkerMessage;
class CoordinatorMessage;
}  // namespace autonorm::v1

namespace autonorm::codec {

v1::WorkerMessage encode(const fleet::ToCoordinator& message);
v1::CoordinatorMessage encode(const fleet::ToWorker& message);

Result<fleet::ToCoordinator> decode(const v1::WorkerMessage& message);
Result<fleet::ToWorker> decode(const v1::CoordinatorMessage& message);

}  // namespace autonorm::codec
