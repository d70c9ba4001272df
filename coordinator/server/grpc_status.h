// Status ↔ grpc::Status. One code each way, so that a client sees the failure that the server had.
#pragma once
#include <grpcpp/support/status.h>

#include "core/base/status.h"

namespace autonorm::server {

inline constexpr int kMaxMetadataBytes = 1 << 20;    // of HTTP/2 headers; error texts travel there
inline constexpr size_t kMaxErrorBytes = 256 << 10;  // longer error texts are cut, saying so

grpc::Status to_grpc(const Status& status);
Status from_grpc(const grpc::Status& status);

Status too_many_requests();  // the answer to a request that no thread is free to take

}  // namespace autonorm::server
