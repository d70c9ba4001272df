#include "coordinator/cli/control_client.h"

#include <grpc/support/log.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "autonorm/v1/control.grpc.pb.h"
#include "coordinator/server/grpc_status.h"
#include "coordinator/server/history_codec.h"
#include "coordinator/server/report_codec.h"
#include "coordinator/server/version.h"
#include "coordinator/server/view_codec.h"
#include "core/base/durable_file.h"
#include "core/base/log.h"

namespace autonorm::cli {
namespace {

Status nobody_answers(const std::string& address) {
  return unavailable("no coordinator answers at ", address, "\nstart one:     coordinator serve --listen ", address,
                     "\nor name one:   --coordinator ADDR, or the environment variable AUTONORM_COORDINATOR");
}

std::shared_ptr<grpc::Channel> open_channel(const std::string& address) {
  gpr_set_log_function([](gpr_log_func_args* line) { log_debug("grpc: ", line->message); });
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // a proxy of the environment is for the web, not for our server
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, server::kMaxMetadataBytes);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// Fails at the first refusal instead of retrying until the deadline, as gRPC would.
bool wait_connected(grpc::Channel& channel, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::system_clock::now() + limit;
  while (true) {
    const auto state = channel.GetState(true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (!channel.WaitForStateChange(state, deadline)) return false;
  }
}

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

// Cancels a call when a descriptor becomes readable, as long as it lives.
class CancelOnStop {
 public:
  CancelOnStop(int stop_fd, grpc::ClientContext& context) : done_(eventfd(0, EFD_CLOEXEC)) {
    if (stop_fd < 0) return;
    thread_ = std::thread([this, stop_fd, &context] {
      pollfd sources[] = {{stop_fd, POLLIN, 0}, {done_.get(), POLLIN, 0}};
      while (::poll(sources, 2, -1) < 0 && errno == EINTR) {
      }
      if (sources[0].revents != 0) context.TryCancel();
    });
  }
  ~CancelOnStop() {
    if (!thread_.joinable()) return;
    eventfd_write(done_.get(), 1);
    thread_.join();
  }

 private:
  const Fd done_;
  std::thread thread_;
};

}  // namespace

struct ControlClient::Connection {
  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Control::Stub> stub;

  // A connection that breaks on the way is told like one that never was.
  Status status(const grpc::Status& status) const {
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && channel->GetState(false) != GRPC_CHANNEL_READY) {
      return nobody_answers(address);
    }
    return server::from_grpc(status);
  }
};

Result<std::unique_ptr<ControlClient>> ControlClient::connect(const std::string& address,
                                                              std::chrono::milliseconds limit) {
  auto connection = std::make_unique<Connection>();
  connection->address = address;
  connection->channel = open_channel(address);
  if (!wait_connected(*connection->channel, limit)) return nobody_answers(address);
  connection->stub = v1::Control::NewStub(connection->channel);
  return std::unique_ptr<ControlClient>(new ControlClient(std::move(connection)));
}

ControlClient::ControlClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
ControlClient::~ControlClient() = default;

Result<engine::SubmitReply> ControlClient::submit(const config::SweepSource& source, bool fresh,
                                                  const std::string& key) {
  auto request = versioned<v1::SubmitSweepRequest>();
  request.set_idempotency_key(key);
  request.set_fresh(fresh);
  server::encode(source, *request.mutable_source());
  grpc::ClientContext context;
  v1::SubmitSweepReply reply;
  if (const auto status = connection_->stub->SubmitSweep(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  engine::SubmitReply outcome;
  outcome.sweep = SweepId(reply.sweep());
  outcome.existed = reply.existed();
  outcome.cells = reply.cells();
  outcome.trials = reply.trials();
  outcome.new_trials = reply.new_trials();
  outcome.cached = reply.cached();
  outcome.revived = reply.revived();
  return outcome;
}

Result<ServerPlan> ControlClient::plan(const config::SweepSource& source) {
  auto request = versioned<v1::PlanSweepRequest>();
  server::encode(source, *request.mutable_source());
  grpc::ClientContext context;
  v1::PlanSweepReply reply;
  if (const auto status = connection_->stub->PlanSweep(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  ServerPlan plan;
  for (const auto& id : reply.cached()) plan.cached.emplace(id);
  if (reply.has_predicted_s()) plan.predicted_s = reply.predicted_s();
  plan.slots = reply.slots();
  return plan;
}

Result<std::vector<engine::SweepView>> ControlClient::sweeps() {
  grpc::ClientContext context;
  v1::ListSweepsReply reply;
  const auto status = connection_->stub->ListSweeps(&context, versioned<v1::ListSweepsRequest>(), &reply);
  if (!status.ok()) return connection_->status(status);
  return decode_all<engine::SweepView>(reply.sweeps());
}

Result<std::vector<engine::TrialView>> ControlClient::trials(const std::string& sweep) {
  auto request = versioned<v1::ListTrialsRequest>();
  request.set_sweep(sweep);
  grpc::ClientContext context;
  v1::ListTrialsReply reply;
  if (const auto status = connection_->stub->ListTrials(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  return decode_all<engine::TrialView>(reply.trials());
}

Result<std::vector<engine::WorkerView>> ControlClient::workers() {
  grpc::ClientContext context;
  v1::ListWorkersReply reply;
  const auto status = connection_->stub->ListWorkers(&context, versioned<v1::ListWorkersRequest>(), &reply);
  if (!status.ok()) return connection_->status(status);
  return decode_all<engine::WorkerView>(reply.workers());
}

Result<std::vector<std::string>> ControlClient::explain(const std::string& trial) {
  auto request = versioned<v1::ExplainRequest>();
  request.set_trial(trial);
  grpc::ClientContext context;
  v1::ExplainReply reply;
  if (const auto status = connection_->stub->Explain(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  return std::vector<std::string>(reply.lines().begin(), reply.lines().end());
}

Result<ActOutcome> ControlClient::act(engine::SweepAction action, const std::string& sweep, const std::string& key) {
  auto request = versioned<v1::SweepActionRequest>();
  request.set_idempotency_key(key);
  request.set_sweep(sweep);
  grpc::ClientContext context;
  v1::SweepActionReply reply;
  grpc::Status status;
  switch (action) {
    case engine::SweepAction::kCancel:
      status = connection_->stub->Cancel(&context, request, &reply);
      break;
    case engine::SweepAction::kPause:
      status = connection_->stub->Pause(&context, request, &reply);
      break;
    case engine::SweepAction::kResume:
      status = connection_->stub->Resume(&context, request, &reply);
      break;
  }
  if (!status.ok()) return connection_->status(status);
  return ActOutcome{.sweep = SweepId(reply.sweep()), .trials_affected = reply.trials_affected()};
}

Result<int64_t> ControlClient::retry(const std::string& sweep, const engine::RetryTrials& what) {
  auto request = versioned<v1::RetryRequest>();
  request.set_idempotency_key(what.idempotency_key);
  request.set_sweep(sweep);
  request.set_variant(what.variant);
  request.set_trial(what.trial);
  request.set_cancelled(what.cancelled);
  grpc::ClientContext context;
  v1::RetryReply reply;
  if (const auto status = connection_->stub->Retry(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  return reply.trials_affected();
}

Result<DrainOutcome> ControlClient::drain(const std::string& worker, engine::Drain drain, const std::string& key) {
  auto request = versioned<v1::DrainWorkerRequest>();
  request.set_idempotency_key(key);
  request.set_worker(worker);
  request.set_mode(std::string(name(drain)));
  grpc::ClientContext context;
  v1::DrainWorkerReply reply;
  if (const auto status = connection_->stub->DrainWorker(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  return DrainOutcome{reply.workers_affected(), reply.trials_affected()};
}

Result<std::string> ControlClient::report(const std::string& sweep, const report::ReportOptions& options,
                                          const std::vector<std::string>& compared) {
  auto request = versioned<v1::ReportRequest>();
  request.set_sweep(sweep);
  server::encode(options, request);
  for (const auto& side : compared) request.add_compare(side);
  grpc::ClientContext context;
  v1::ReportReply reply;
  if (const auto status = connection_->stub->Report(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  return reply.text();
}

Result<server::SweepRead> ControlClient::read_sweep(const std::string& sweep) {
  server::SweepRead read;
  std::string selector = sweep;
  for (int64_t rows = 1; static_cast<int64_t>(read.data.trials.size()) < rows;) {
    auto request = versioned<v1::ReadSweepRequest>();
    request.set_sweep(selector);
    request.set_offset(static_cast<int64_t>(read.data.trials.size()));
    grpc::ClientContext context;
    v1::ReadSweepReply reply;
    if (const auto status = connection_->stub->ReadSweep(&context, request, &reply); !status.ok()) {
      return connection_->status(status);
    }
    read.data.sweep = server::decode(reply.sweep());
    selector = std::to_string(read.data.sweep.id.value());  // the same one, should a newer one come meanwhile
    auto source = server::decode(reply.source());
    if (!source.ok()) return source.status();
    read.source = *std::move(source);
    rows = reply.rows();
    if (reply.trials().empty() && rows > 0) return internal("the coordinator sent no rows of sweep ", selector);
    auto trials = decode_all<report::TrialRow>(reply.trials());
    if (!trials.ok()) return trials.status();
    std::ranges::move(*trials, std::back_inserter(read.data.trials));
  }
  return read;
}

Result<std::vector<report::TrialHistory>> ControlClient::histories(const std::vector<TrialId>& trials) {
  constexpr size_t kPerCall = 50;  // a long training may have tens of thousands of points
  std::vector<report::TrialHistory> all;
  while (all.size() < trials.size()) {
    auto request = versioned<v1::ReadHistoriesRequest>();
    const size_t end = std::min(trials.size(), all.size() + kPerCall);
    for (size_t i = all.size(); i < end; ++i) request.add_trials(trials[i].value());
    grpc::ClientContext context;
    v1::ReadHistoriesReply reply;
    if (const auto status = connection_->stub->ReadHistories(&context, request, &reply); !status.ok()) {
      return connection_->status(status);
    }
    auto part = decode_all<report::TrialHistory>(reply.histories());
    if (!part.ok()) return part.status();
    if (part->size() != end - all.size())
      return internal("the coordinator sent ", part->size(), " histories of ", end - all.size());
    std::ranges::move(*part, std::back_inserter(all));
  }
  return all;
}

Result<server::Collected> ControlClient::collect_garbage(bool remove, int keep_checkpoints, bool drop_models) {
  auto request = versioned<v1::CollectGarbageRequest>();
  request.set_remove(remove);
  request.set_keep_checkpoints(keep_checkpoints);
  request.set_drop_models(drop_models);
  grpc::ClientContext context;
  v1::CollectGarbageReply reply;
  if (const auto status = connection_->stub->CollectGarbage(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  const auto part = [](const v1::CollectedPart& wire) { return server::Collected::Part{wire.files(), wire.bytes()}; };
  return server::Collected{.artifacts = part(reply.artifacts()),
                           .uploads = part(reply.uploads()),
                           .attempts = part(reply.attempts()),
                           .kept = part(reply.kept())};
}

Result<int64_t> ControlClient::back_up(const std::string& path) {
  auto request = versioned<v1::BackupRequest>();
  request.set_path(path);
  grpc::ClientContext context;
  v1::BackupReply reply;
  if (const auto status = connection_->stub->Backup(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  return reply.bytes();
}

Result<ServerInfo> ControlClient::info() {
  grpc::ClientContext context;
  v1::GetInfoReply reply;
  const auto status = connection_->stub->GetInfo(&context, versioned<v1::GetInfoRequest>(), &reply);
  if (!status.ok()) return connection_->status(status);
  return ServerInfo{.build = reply.server().build(),
                    .state_directory = reply.state_directory(),
                    .trouble = reply.trouble(),
                    .epoch = reply.epoch()};
}

Status ControlClient::watch(const std::string& sweep, int stop_fd,
                            const std::function<bool(const WatchView&)>& update) {
  auto request = versioned<v1::WatchRequest>();
  request.set_sweep(sweep);
  grpc::ClientContext context;
  const CancelOnStop cancel(stop_fd, context);
  auto reader = connection_->stub->Watch(&context, request);
  v1::WatchUpdate wire;
  bool wanted = true;
  Status problem;
  while (wanted && reader->Read(&wire)) {
    auto view = server::decode(wire.sweep());
    auto active = decode_all<engine::TrialView>(wire.active());
    problem = view.ok() ? active.status() : view.status();
    if (!problem.ok()) break;
    wanted = update({*std::move(view), *std::move(active), wire.trouble(), wire.workers()});
  }
  if (!wanted || !problem.ok()) context.TryCancel();
  const auto status = reader->Finish();
  if (!problem.ok()) return problem;
  return status.error_code() == grpc::StatusCode::CANCELLED ? Status() : connection_->status(status);
}

Status ControlClient::logs(const LogsAsked& asked, const std::function<void(const LogsView&)>& update) {
  auto request = versioned<v1::LogsRequest>();
  request.set_trial(asked.trial);
  request.set_attempt(asked.attempt);
  request.set_follow(asked.follow);
  request.set_tail(asked.tail);
  grpc::ClientContext context;
  auto reader = connection_->stub->Logs(&context, request);
  for (v1::LogsUpdate wire; reader->Read(&wire);) {
    LogsView view;
    for (const auto& line : wire.lines()) view.lines.push_back(server::decode(line));
    if (wire.has_attempt()) {
      auto attempt = server::decode(wire.attempt());
      if (!attempt.ok()) {
        context.TryCancel();
        return attempt.status();
      }
      view.attempt = *std::move(attempt);
    }
    update(view);
  }
  return connection_->status(reader->Finish());
}

}  // namespace autonorm::cli
