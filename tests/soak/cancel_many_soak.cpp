// T19: many running trials are cancelled at once, while another client lists, explains and asks for the workers.
// --count N: running trials, each on a worker of its own; an even number.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "core/base/text.h"
#include "tests/soak/loaded_server.h"
#include "tests/soak/soak_program.h"
#include "tests/support/fake_fleet.h"
#include "tests/support/percentile.h"

namespace autonorm::soak {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr double kDoneWithinMs = 2000, kOthersWithinMs = 100;
constexpr std::chrono::seconds kPatience{300};

double ms_since(SteadyClock::time_point began) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count();
}

// Calls without a pause until it is told to end; every call's duration.
class Caller {
 public:
  explicit Caller(const LoadedServer& server) : stub_(server.stub()), thread_(&Caller::run, this) {}
  ~Caller() { end(); }
  void end() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::vector<double> ms;           // after end()
  std::vector<std::string> errors;  // after end()

 private:
  void run() {
    while (!ending_) {
      call<v1::ListSweepsRequest, v1::ListSweepsReply>(&v1::Control::Stub::ListSweeps);
      call<v1::GetInfoRequest, v1::GetInfoReply>(&v1::Control::Stub::GetInfo);
      call<v1::ListWorkersRequest, v1::ListWorkersReply>(&v1::Control::Stub::ListWorkers);
    }
  }
  template <class Request, class Reply>
  void call(grpc::Status (v1::Control::Stub::*method)(grpc::ClientContext*, const Request&, Reply*)) {
    grpc::ClientContext context;
    Reply reply;
    const auto began = SteadyClock::now();
    const grpc::Status status = (stub_.get()->*method)(&context, request<Request>(), &reply);
    ms.push_back(ms_since(began));
    if (!status.ok()) errors.push_back(status.error_message());
  }

  const std::unique_ptr<v1::Control::Stub> stub_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

Outcome run(const Options& options) {
  Outcome outcome;
  LoadedServer server;
  const int64_t trials = options.count + options.count % 2;
  constexpr int kWorkersPerConnection = 64;
  const int workers = static_cast<int>(trials);
  testing::FakeFleet fleet({.address = server.address(),
                            .workers = workers,
                            .connections = 1 + workers / kWorkersPerConnection,
                            .conduct = testing::Conduct::kHold});
  server.submit(trials);
  if (!wait_until([&] { return server.trials_in(TrialState::kRunning) == trials; }, kPatience)) {
    return {"none cancelled", {cat("only ", server.trials_in(TrialState::kRunning), " of ", trials, " trials run")}};
  }

  Caller caller(server);
  const auto stub = server.stub();
  grpc::ClientContext context;
  v1::SweepActionReply reply;
  auto cancel = request<v1::SweepActionRequest>();
  cancel.set_idempotency_key("cancel");
  cancel.set_sweep("1");
  const auto began = SteadyClock::now();
  const grpc::Status status = stub->Cancel(&context, cancel, &reply);
  const double answered = ms_since(began);
  const bool all =
      status.ok() &&
      wait_until([&] { return fleet.stopped() >= trials && server.trials_in(TrialState::kCancelled) == trials; },
                 kPatience);
  const double done = ms_since(began);
  caller.end();

  if (!status.ok()) outcome.failures.push_back(cat("cancel was refused: ", status.error_message()));
  if (!all) outcome.failures.push_back(cat("only ", fleet.stopped(), " of ", trials, " workers were told to stop"));
  if (done > kDoneWithinMs) outcome.failures.push_back(cat("it took ", done, " ms until every worker was told"));
  const double others = testing::percentile(caller.ms, 0.99);
  if (others > kOthersWithinMs) outcome.failures.push_back(cat("p99 of the other calls was ", others, " ms"));
  for (const auto& error : caller.errors) outcome.failures.push_back(cat("another call failed: ", error));
  if (fleet.lost() > 0) outcome.failures.push_back(cat(fleet.lost(), " sessions were lost"));
  outcome.counts = cat(trials, " running trials cancelled: answered after ", static_cast<int64_t>(answered),
                       " ms, every worker told after ", static_cast<int64_t>(done), " ms, ", caller.ms.size(),
                       " other calls with p99 ", static_cast<int64_t>(others), " ms");
  return outcome;
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T19 cancel at once", autonorm::soak::run);
}
