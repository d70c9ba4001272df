// What the calls of ControlClient share. Private to control_client.cpp, client_mutations.cpp and client_streams.cpp,
// the only files of the command line that include gRPC.
#pragma once
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autonorm/v1/control.grpc.pb.h"
#include "coordinator/cli/control_client.h"
#include "coordinator/server/grpc_status.h"
#include "coordinator/server/history_codec.h"
#include "coordinator/server/version.h"
#include "coordinator/server/view_codec.h"

namespace autonorm::cli {

// Says how to start a coordinator there.
Status nobody_answers(const std::string& address);

template <class Request>
Request versioned() {
  Request request;
  request.mutable_client()->set_protocol(server::kControlProtocol);
  request.mutable_client()->set_build(std::string(server::kBuildVersion));
  return request;
}

template <class View, class Wires>
Result<std::vector<View>> decode_all(const Wires& wires) {
  std::vector<View> views;
  for (const auto& wire : wires) {
    Result<View> view = server::decode(wire);
    if (!view.ok()) return view.status();
    views.push_back(*std::move(view));
  }
  return views;
}

struct ControlClient::Connection {
  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Control::Stub> stub;

  // One question, one answer.
  template <class Request, class Reply>
  Result<Reply> call(grpc::Status (v1::Control::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                     const Request& request) const {
    grpc::ClientContext context;
    Reply reply;
    if (const grpc::Status done = (*stub.*method)(&context, request, &reply); !done.ok()) return status(done);
    return reply;
  }

  // A connection that breaks on the way is told like one that never was.
  Status status(const grpc::Status& status) const {
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && channel->GetState(false) != GRPC_CHANNEL_READY) {
      return nobody_answers(address);
    }
    return server::from_grpc(status);
  }
};

}  // namespace autonorm::cli
