// Connecting, and the calls that only ask.
#include "coordinator/cli/control_client.h"

#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "coordinator/cli/client_connection.h"
#include "coordinator/server/grpc_deadline.h"
#include "coordinator/server/listen_address.h"
#include "coordinator/server/report_codec.h"
#include "core/base/log.h"

namespace autonorm::cli {
namespace {

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
  const auto deadline = server::grpc_deadline(limit);
  while (true) {
    const auto state = channel.GetState(true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (!channel.WaitForStateChange(state, deadline)) return false;
  }
}

}  // namespace

Status nobody_answers(const std::string& address) {
  return unavailable("no coordinator answers at ", address, "\nstart one:     coordinator serve --listen ", address,
                     "\nor name one:   --coordinator ADDR, or the environment variable AUTONORM_COORDINATOR");
}

Result<std::unique_ptr<ControlClient>> ControlClient::connect(const std::string& address,
                                                              std::chrono::milliseconds limit) {
  if (const auto parsed = server::parse_listen_address(address); !parsed.ok() || parsed->port == 0) {
    return invalid("'", address, "' is not the address of a coordinator; it has the form HOST:PORT, e.g. ",
                   "127.0.0.1:50551; name it with --coordinator, or in AUTONORM_COORDINATOR");
  }
  auto connection = std::make_unique<Connection>();
  connection->address = address;
  connection->channel = open_channel(address);
  if (!wait_connected(*connection->channel, limit)) return nobody_answers(address);
  connection->stub = v1::Control::NewStub(connection->channel);
  return std::unique_ptr<ControlClient>(new ControlClient(std::move(connection)));
}

ControlClient::ControlClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
ControlClient::~ControlClient() = default;

Result<ServerPlan> ControlClient::plan(const config::SweepSource& source) {
  auto request = versioned<v1::PlanSweepRequest>();
  server::encode(source, *request.mutable_source());
  const auto reply = connection_->call(&v1::Control::Stub::PlanSweep, request);
  if (!reply.ok()) return reply.status();
  ServerPlan plan;
  for (const auto& id : reply->cached()) plan.cached.emplace(id);
  if (reply->has_predicted_s()) plan.predicted_s = reply->predicted_s();
  plan.slots = reply->slots();
  if (reply->has_past_spread())
    plan.past_spread = stats::KnownSpread{reply->past_spread(), static_cast<int>(reply->past_pairs())};
  return plan;
}

Result<std::vector<engine::SweepView>> ControlClient::sweeps() {
  const auto reply = connection_->call(&v1::Control::Stub::ListSweeps, versioned<v1::ListSweepsRequest>());
  if (!reply.ok()) return reply.status();
  return decode_all<engine::SweepView>(reply->sweeps());
}

Result<engine::TrialPage> ControlClient::trial_page(const std::string& sweep, const engine::TrialFilter& filter) {
  auto request = versioned<v1::ListTrialsRequest>();
  request.set_sweep(sweep);
  for (const TrialState state : filter.states) request.add_states(std::string(name(state)));
  request.set_variant(filter.variant);
  request.set_from(filter.from);
  request.set_most(filter.most);
  const auto reply = connection_->call(&v1::Control::Stub::ListTrials, request);
  if (!reply.ok()) return reply.status();
  auto trials = decode_all<engine::TrialView>(reply->trials());
  if (!trials.ok()) return trials.status();
  engine::TrialPage page{.trials = *std::move(trials), .matching = reply->matching(), .next = {}};
  if (reply->has_next()) page.next = reply->next();
  return page;
}

Result<std::vector<engine::TrialView>> ControlClient::trials(const std::string& sweep, engine::TrialFilter filter) {
  constexpr int64_t kPerCall = 5'000;
  filter.most = kPerCall;
  std::vector<engine::TrialView> all;
  std::optional<int64_t> next = filter.from;
  while (next) {
    filter.from = *next;
    auto page = trial_page(sweep, filter);
    if (!page.ok()) return page.status();
    std::ranges::move(page->trials, std::back_inserter(all));
    if (page->next && *page->next <= filter.from)
      return internal("the coordinator sent trials from ", filter.from, " on twice");
    next = page->next;
  }
  return all;
}

Result<std::vector<engine::WorkerView>> ControlClient::workers() {
  const auto reply = connection_->call(&v1::Control::Stub::ListWorkers, versioned<v1::ListWorkersRequest>());
  if (!reply.ok()) return reply.status();
  return decode_all<engine::WorkerView>(reply->workers());
}

Result<engine::Explanation> ControlClient::explain(const std::string& trial) {
  auto request = versioned<v1::ExplainRequest>();
  request.set_trial(trial);
  const auto reply = connection_->call(&v1::Control::Stub::Explain, request);
  if (!reply.ok()) return reply.status();
  auto trials = decode_all<engine::ExplainedTrial>(reply->trials());
  if (!trials.ok()) return trials.status();
  return engine::Explanation{
      .trials = *std::move(trials), .lines = {reply->lines().begin(), reply->lines().end()}, .failed = {}};
}

Result<std::string> ControlClient::report(const std::string& sweep, const report::ReportOptions& options,
                                          const std::vector<std::string>& compared) {
  auto request = versioned<v1::ReportRequest>();
  request.set_sweep(sweep);
  server::encode(options, request);
  for (const auto& side : compared) request.add_compare(side);
  const auto reply = connection_->call(&v1::Control::Stub::Report, request);
  if (!reply.ok()) return reply.status();
  return reply->text();
}

Result<server::SweepRead> ControlClient::read_sweep(const std::string& sweep) {
  server::SweepRead read;
  std::string selector = sweep;
  do {
    auto request = versioned<v1::ReadSweepRequest>();
    request.set_sweep(selector);
    request.set_from(read.next);
    const auto reply = connection_->call(&v1::Control::Stub::ReadSweep, request);
    if (!reply.ok()) return reply.status();
    read.data.sweep = server::decode(reply->sweep());
    selector = std::to_string(read.data.sweep.id.value());  // the same one, should a newer one come meanwhile
    auto source = server::decode(reply->source());
    if (!source.ok()) return source.status();
    read.source = *std::move(source);
    auto trials = server::decode_rows(*reply);
    if (!trials.ok()) return trials.status();
    std::ranges::move(*trials, std::back_inserter(read.data.trials));
    auto again = server::decode_trained_again(*reply);
    if (!again.ok()) return again.status();
    read.trained_again = *std::move(again);
    if (reply->next() != 0 && reply->next() <= read.next) {
      return internal("the coordinator sent the rows of sweep ", selector, " up to ", reply->next(), " twice");
    }
    read.next = reply->next();
  } while (read.next != 0);
  report::note_trained_again(read.trained_again, read.data.trials);
  return read;
}

Result<std::vector<report::TrialHistory>> ControlClient::histories(const std::vector<TrialId>& trials) {
  constexpr size_t kPerCall = 50;  // a long training may have tens of thousands of points
  std::vector<report::TrialHistory> all;
  while (all.size() < trials.size()) {
    auto request = versioned<v1::ReadHistoriesRequest>();
    const size_t end = std::min(trials.size(), all.size() + kPerCall);
    for (size_t i = all.size(); i < end; ++i) request.add_trials(trials[i].value());
    const auto reply = connection_->call(&v1::Control::Stub::ReadHistories, request);
    if (!reply.ok()) return reply.status();
    auto part = decode_all<report::TrialHistory>(reply->histories());
    if (!part.ok()) return part.status();
    if (part->size() != end - all.size())
      return internal("the coordinator sent ", part->size(), " histories of ", end - all.size());
    std::ranges::move(*part, std::back_inserter(all));
  }
  return all;
}

Result<ServerInfo> ControlClient::info() {
  const auto reply = connection_->call(&v1::Control::Stub::GetInfo, versioned<v1::GetInfoRequest>());
  if (!reply.ok()) return reply.status();
  return ServerInfo{.build = reply->server().build(),
                    .state_directory = reply->state_directory(),
                    .trouble = reply->trouble(),
                    .epoch = reply->epoch()};
}

}  // namespace autonorm::cli
