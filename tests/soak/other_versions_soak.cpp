// T15: clients and workers of an older and a newer protocol are refused, with both sides' protocols and versions in the
// text.
#include <grpcpp/create_channel.h>

#include <string>

#include "autonorm/v1/control.grpc.pb.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/server.h"
#include "coordinator/server/version.h"
#include "core/base/text.h"
#include "tests/soak/soak_program.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/server/fake_worker.h"

namespace autonorm::soak {
namespace {

constexpr int kDistances[] = {-1, 1, -1000, 1000};  // of a stranger's protocol number from ours
constexpr const char* kStranger = "0.0.1-stranger";

class Versions {
 public:
  Versions(const std::string& address, Outcome& outcome)
      : address_(address),
        control_(v1::Control::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))),
        outcome_(outcome) {}

  void worker(int protocol) {
    FakeWorker worker(address_);
    fleet::Hello hello = hello_of(cat("stranger-", protocol));
    hello.protocol = protocol;
    hello.build = kStranger;
    worker.send(hello);
    const auto answer = worker.receive();
    const auto* refused = answer ? std::get_if<fleet::Refused>(&*answer) : nullptr;
    check("worker", refused ? refused->reason : "", protocol, fleet::kProtocolVersion);
  }

  void clients(int protocol) {
    call<v1::SubmitSweepRequest, v1::SubmitSweepReply>("submit", protocol, &v1::Control::Stub::SubmitSweep);
    call<v1::PlanSweepRequest, v1::PlanSweepReply>("plan", protocol, &v1::Control::Stub::PlanSweep);
    call<v1::ListSweepsRequest, v1::ListSweepsReply>("list", protocol, &v1::Control::Stub::ListSweeps);
    call<v1::ListTrialsRequest, v1::ListTrialsReply>("status", protocol, &v1::Control::Stub::ListTrials);
    call<v1::ExplainRequest, v1::ExplainReply>("explain", protocol, &v1::Control::Stub::Explain);
    call<v1::SweepActionRequest, v1::SweepActionReply>("cancel", protocol, &v1::Control::Stub::Cancel);
    call<v1::SweepActionRequest, v1::SweepActionReply>("pause", protocol, &v1::Control::Stub::Pause);
    call<v1::SweepActionRequest, v1::SweepActionReply>("resume", protocol, &v1::Control::Stub::Resume);
    call<v1::ListWorkersRequest, v1::ListWorkersReply>("workers", protocol, &v1::Control::Stub::ListWorkers);
    call<v1::ReportRequest, v1::ReportReply>("report", protocol, &v1::Control::Stub::Report);
    watch(protocol);
  }

  int64_t refused() const { return refused_; }

 private:
  template <class Request>
  Request request_of(int protocol) {
    Request request;
    request.mutable_client()->set_protocol(protocol);
    request.mutable_client()->set_build(kStranger);
    return request;
  }

  template <class Request, class Reply>
  void call(const char* verb, int protocol,
            grpc::Status (v1::Control::Stub::*method)(grpc::ClientContext*, const Request&, Reply*)) {
    grpc::ClientContext context;
    Reply reply;
    const grpc::Status status = (control_.get()->*method)(&context, request_of<Request>(protocol), &reply);
    check(verb, status.ok() ? "" : status.error_message(), protocol, server::kControlProtocol);
  }

  void watch(int protocol) {
    grpc::ClientContext context;
    const auto stream = control_->Watch(&context, request_of<v1::WatchRequest>(protocol));
    v1::WatchUpdate update;
    const bool updated = stream->Read(&update);
    if (updated) context.TryCancel();
    const grpc::Status status = stream->Finish();
    check("watch", updated ? "" : status.error_message(), protocol, server::kControlProtocol);
  }

  // The text of a refusal has both protocol numbers and both versions.
  void check(const std::string& who, const std::string& text, int theirs, int ours) {
    for (const std::string& needed :
         {cat("protocol ", theirs), cat(" ", ours), std::string(kStranger), std::string(server::kBuildVersion)}) {
      if (text.find(needed) == std::string::npos) {
        outcome_.failures.push_back(cat(who, " of protocol ", theirs, ": '", needed, "' is missing in '", text, "'"));
        return;
      }
    }
    ++refused_;
  }

  const std::string address_;
  const std::unique_ptr<v1::Control::Stub> control_;
  Outcome& outcome_;
  int64_t refused_ = 0;
};

Outcome run(const Options& options) {
  Outcome outcome;
  const testing::TemporaryFolder folder;
  const SystemClock clock;
  const auto server = server::Server::start({.listen = "127.0.0.1:0", .state = folder.path(), .secret = "soak"}, clock);
  if (!server.ok()) return {"no server", {server.status().message()}};
  Versions versions((*server)->address(), outcome);
  for (int64_t round = 0; round < options.count; ++round) {
    for (const int distance : kDistances) {
      versions.worker(fleet::kProtocolVersion + distance);
      versions.clients(server::kControlProtocol + distance);
    }
  }
  if (!(*server)->loop().workers().empty()) outcome.failures.push_back("a refused worker is listed");
  outcome.counts = cat(versions.refused(), " refused, each with both protocols and both versions");
  return outcome;
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T15 older and newer clients and workers", autonorm::soak::run);
}
