#include "coordinator/server/grpc_status.h"

namespace autonorm::server {
namespace {

grpc::StatusCode wire_code(Code code) {
  switch (code) {
    case Code::kOk:
      return grpc::StatusCode::OK;
    case Code::kInvalid:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case Code::kConflict:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case Code::kUnavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case Code::kExhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Code::kInternal:
      return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::UNKNOWN;
}

Code domain_code(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return Code::kOk;
    case grpc::StatusCode::INVALID_ARGUMENT:
      return Code::kInvalid;
    case grpc::StatusCode::NOT_FOUND:
      return Code::kNotFound;
    case grpc::StatusCode::FAILED_PRECONDITION:
      return Code::kConflict;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Code::kUnavailable;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Code::kExhausted;
    default:
      return Code::kInternal;
  }
}

}  // namespace

grpc::Status to_grpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string text = status.message();
  if (text.size() > kMaxErrorBytes) {
    text.resize(kMaxErrorBytes);
    text += "\n… (cut)";
  }
  return {wire_code(status.code()), text};
}

Status from_grpc(const grpc::Status& status) {
  if (status.ok()) return {};
  return {domain_code(status.error_code()), status.error_message()};
}

Status too_many_requests() { return exhausted("the coordinator has too many requests waiting; try again in a moment"); }

}  // namespace autonorm::server
