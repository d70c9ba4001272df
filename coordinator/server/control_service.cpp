// Who may call, how a call gets a thread, and the calls that only ask.
#include "coordinator/server/control_service.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "coordinator/server/artifact_streams.h"
#include "coordinator/server/forecast.h"
#include "coordinator/server/grpc_status.h"
#include "coordinator/server/history_codec.h"
#include "coordinator/server/log_stream.h"
#include "coordinator/server/past_spread.h"
#include "coordinator/server/report_codec.h"
#include "coordinator/server/sweep_selector.h"
#include "coordinator/server/version.h"
#include "coordinator/server/view_codec.h"
#include "coordinator/server/watch_stream.h"

namespace autonorm::server {
namespace {

int64_t connected(const std::vector<engine::WorkerView>& workers) {
  return std::ranges::count_if(workers, [](const auto& worker) { return worker.state != "lost"; });
}

}  // namespace

Status check_client(const v1::Version& client) {
  if (client.protocol() == kControlProtocol) return {};
  return conflict("this command speaks control protocol ", client.protocol(), " (version ",
                  client.build().empty() ? "unknown" : client.build(), "), the coordinator speaks ", kControlProtocol,
                  " (version ", kBuildVersion, "); use the same release on both sides");
}

Result<SweepId> select_sweep_of(EngineLoop& loop, const std::string& selector) {
  std::vector<NamedSweep> named;
  for (const auto& view : loop.sweeps()) named.push_back({view.id, view.name});
  return select_sweep(selector, named);
}

ControlService::ControlService(EngineLoop& loop, RequestPool& requests, RequestPool& reports, ReportDesk& desk,
                               LogDesk& logs, ArtifactCollector& collector, Retention retention,
                               std::string state_directory)
    : loop_(loop),
      requests_(requests),
      reports_(reports),
      shared_reports_(reports),
      desk_(desk),
      logs_(logs),
      collector_(collector),
      retention_(retention),
      state_directory_(std::move(state_directory)) {}

grpc::ServerUnaryReactor* ControlService::answer(grpc::CallbackServerContext* context, const v1::Version& client,
                                                 RequestPool& pool, std::function<Status()> handler) {
  auto* reactor = context->DefaultReactor();
  if (const Status status = check_client(client); !status.ok()) {
    reactor->Finish(to_grpc(status));
  } else if (!pool.post([reactor, handler = std::move(handler)] { reactor->Finish(to_grpc(handler())); })) {
    reactor->Finish(to_grpc(too_many_requests()));
  }
  return reactor;
}

// On the report thread, because the forecast reads the database.
Status ControlService::plan(const v1::PlanSweepRequest& request, v1::PlanSweepReply& reply) {
  const auto source = decode(request.source());
  if (!source.ok()) return source.status();
  const auto sweep = config::expand_sweep(*source);
  if (!sweep.ok()) return sweep.status();
  std::vector<TrialId> planned;
  planned.reserve(sweep->trials.size());
  for (const auto& trial : sweep->trials) planned.push_back(trial.id);
  const auto finished = loop_.finished_trials(std::move(planned));
  for (const auto& trial : finished) reply.add_cached(trial.value());
  const auto durations = desk_.durations_s(finished);
  if (!durations.ok()) return durations.status();
  reply.set_slots(connected(loop_.workers()));
  if (const auto seconds = forecast_s(*sweep, finished, *durations, reply.slots())) reply.set_predicted_s(*seconds);
  const auto values = desk_.results(finished, sweep->metric);
  if (!values.ok()) return values.status();
  if (const auto spread = past_spread(*sweep, *values)) {
    reply.set_past_spread(spread->sd);
    reply.set_past_pairs(spread->pairs);
  }
  return {};
}

grpc::ServerUnaryReactor* ControlService::PlanSweep(grpc::CallbackServerContext* context,
                                                    const v1::PlanSweepRequest* request, v1::PlanSweepReply* reply) {
  return answer(context, request->client(), reports_, [=, this] { return plan(*request, *reply); });
}

grpc::ServerUnaryReactor* ControlService::ListSweeps(grpc::CallbackServerContext* context,
                                                     const v1::ListSweepsRequest* request, v1::ListSweepsReply* reply) {
  return answer(context, request->client(), requests_, [=, this] {
    for (const auto& view : loop_.sweeps()) encode(view, *reply->add_sweeps());
    return Status();
  });
}

grpc::ServerUnaryReactor* ControlService::ListTrials(grpc::CallbackServerContext* context,
                                                     const v1::ListTrialsRequest* request, v1::ListTrialsReply* reply) {
  return answer(context, request->client(), requests_, [=, this]() -> Status {
    const auto sweep = select_sweep_of(loop_, request->sweep());
    if (!sweep.ok()) return sweep.status();
    auto filter = decode_filter(*request);
    if (!filter.ok()) return filter.status();
    const engine::TrialPage page = loop_.trial_page(*sweep, *std::move(filter));
    for (const auto& view : page.trials) encode(view, *reply->add_trials());
    reply->set_matching(page.matching);
    if (page.next) reply->set_next(*page.next);
    return {};
  });
}

grpc::ServerWriteReactor<v1::WatchUpdate>* ControlService::Watch(grpc::CallbackServerContext*,
                                                                 const v1::WatchRequest* request) {
  return new WatchStream(loop_, requests_, *request);  // deletes itself
}

grpc::ServerWriteReactor<v1::LogsUpdate>* ControlService::Logs(grpc::CallbackServerContext*,
                                                               const v1::LogsRequest* request) {
  return new LogStream(logs_, *request);  // deletes itself
}

grpc::ServerUnaryReactor* ControlService::Explain(grpc::CallbackServerContext* context,
                                                  const v1::ExplainRequest* request, v1::ExplainReply* reply) {
  return answer(context, request->client(), requests_, [=, this]() -> Status {
    const auto found = loop_.explain(request->trial());
    if (!found.ok()) return found.status();
    for (const auto& line : found->lines) reply->add_lines(line);
    for (const auto& trial : found->trials) encode(trial, *reply->add_trials());
    return {};
  });
}

grpc::ServerUnaryReactor* ControlService::ListWorkers(grpc::CallbackServerContext* context,
                                                      const v1::ListWorkersRequest* request,
                                                      v1::ListWorkersReply* reply) {
  return answer(context, request->client(), requests_, [=, this] {
    for (const auto& view : loop_.workers()) encode(view, *reply->add_workers());
    return Status();
  });
}

Result<std::string> ControlService::report(const v1::ReportRequest& request) {
  const auto options = decode_options(request);
  if (!options.ok()) return options.status();
  const std::vector<std::string> compared(request.compare().begin(), request.compare().end());
  return compared.empty() ? desk_.render(request.sweep(), *options)
                          : desk_.compare(request.sweep(), compared, *options);
}

grpc::ServerUnaryReactor* ControlService::Report(grpc::CallbackServerContext* context, const v1::ReportRequest* request,
                                                 v1::ReportReply* reply) {
  auto* reactor = context->DefaultReactor();
  if (const Status status = check_client(request->client()); !status.ok()) {
    reactor->Finish(to_grpc(status));
    return reactor;
  }
  v1::ReportRequest question = *request;
  question.clear_client();
  const std::string key = question.SerializeAsString();
  const bool accepted = shared_reports_.ask(
      key, [this, question = std::move(question)] { return report(question); },
      [reactor, reply](const Result<std::string>& text) {
        if (text.ok()) reply->set_text(*text);
        reactor->Finish(to_grpc(text.status()));
      });
  if (!accepted) reactor->Finish(to_grpc(too_many_requests()));
  return reactor;
}

grpc::ServerUnaryReactor* ControlService::ReadSweep(grpc::CallbackServerContext* context,
                                                    const v1::ReadSweepRequest* request, v1::ReadSweepReply* reply) {
  return answer(context, request->client(), reports_, [=, this]() -> Status {
    if (request->from() < 0) return invalid("ReadSweep: from is ", request->from(), ", not a position from 0 on");
    const auto read = desk_.read_part(request->sweep(), {.from = request->from(), .most = kRowsPerReply});
    if (!read.ok()) return read.status();
    encode(read->data.sweep, *reply->mutable_sweep());
    encode(read->source, *reply->mutable_source());
    encode(read->data.trials, *reply);
    encode(read->trained_again, *reply);
    reply->set_next(read->next);
    return {};
  });
}

grpc::ServerUnaryReactor* ControlService::ReadHistories(grpc::CallbackServerContext* context,
                                                        const v1::ReadHistoriesRequest* request,
                                                        v1::ReadHistoriesReply* reply) {
  return answer(context, request->client(), reports_, [=, this]() -> Status {
    if (request->trials_size() > kHistoriesPerRequest) {
      return invalid("ReadHistories: ", request->trials_size(), " trials; at most ", kHistoriesPerRequest, " a call");
    }
    std::vector<TrialId> trials;
    for (const std::string& id : request->trials()) trials.emplace_back(id);
    const auto histories = desk_.histories(trials);
    if (!histories.ok()) return histories.status();
    for (const report::TrialHistory& history : *histories) encode(history, *reply->add_histories());
    return {};
  });
}

grpc::ServerUnaryReactor* ControlService::GetInfo(grpc::CallbackServerContext* context,
                                                  const v1::GetInfoRequest* request, v1::GetInfoReply* reply) {
  return answer(context, request->client(), requests_, [=, this] {
    reply->mutable_server()->set_protocol(kControlProtocol);
    reply->mutable_server()->set_build(std::string(kBuildVersion));
    reply->set_epoch(loop_.epoch());
    reply->set_state_directory(state_directory_);
    reply->set_trouble(loop_.trouble().value_or(""));
    reply->set_max_request_bytes(kMaxRequestBytes);
    reply->set_max_artifact_chunk_bytes(kMaxChunkBytes);
    reply->set_max_pending_requests(kMaxPendingRequests);
    return Status();
  });
}

}  // namespace autonorm::server
