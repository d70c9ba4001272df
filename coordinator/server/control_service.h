// The Control service. Each handler decodes, asks the engine (or the report desk), encodes; on a pool's thread, since
// both may block.
#pragma once
#include <functional>
#include <string>

#include "autonorm/v1/control.grpc.pb.h"
#include "coordinator/server/answer_book.h"
#include "coordinator/server/artifact_collector.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/log_desk.h"
#include "coordinator/server/report_desk.h"
#include "coordinator/server/request_pool.h"
#include "coordinator/server/shared_answers.h"
#include "core/base/status.h"

namespace autonorm::server {

inline constexpr int64_t kMaxRequestBytes = 64 << 20;
inline constexpr size_t kMaxPendingRequests = 256;
inline constexpr int64_t kRowsPerReply = 5'000;     // of ReadSweep
inline constexpr int kHistoriesPerRequest = 1'000;  // of ReadHistories
inline constexpr size_t kMaxPendingReports = 32;

// Refuses a client of another protocol version, naming both.
Status check_client(const v1::Version& client);

// Everything handed in must outlive the service and its calls. `desk` is only used on `reports`, which has one thread.
class ControlService final : public v1::Control::CallbackService {
 public:
  // `retention`: what a request for garbage collection leaves open.
  ControlService(EngineLoop& loop, RequestPool& requests, RequestPool& reports, ReportDesk& desk, LogDesk& logs,
                 ArtifactCollector& collector, Retention retention, std::string state_directory);

  grpc::ServerUnaryReactor* SubmitSweep(grpc::CallbackServerContext* context, const v1::SubmitSweepRequest* request,
                                        v1::SubmitSweepReply* reply) override;
  grpc::ServerUnaryReactor* PlanSweep(grpc::CallbackServerContext* context, const v1::PlanSweepRequest* request,
                                      v1::PlanSweepReply* reply) override;
  grpc::ServerUnaryReactor* ListSweeps(grpc::CallbackServerContext* context, const v1::ListSweepsRequest* request,
                                       v1::ListSweepsReply* reply) override;
  grpc::ServerUnaryReactor* ListTrials(grpc::CallbackServerContext* context, const v1::ListTrialsRequest* request,
                                       v1::ListTrialsReply* reply) override;
  grpc::ServerWriteReactor<v1::WatchUpdate>* Watch(grpc::CallbackServerContext* context,
                                                   const v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
                                    v1::ExplainReply* reply) override;
  grpc::ServerWriteReactor<v1::LogsUpdate>* Logs(grpc::CallbackServerContext* context,
                                                 const v1::LogsRequest* request) override;
  grpc::ServerUnaryReactor* Cancel(grpc::CallbackServerContext* context, const v1::SweepActionRequest* request,
                                   v1::SweepActionReply* reply) override;
  grpc::ServerUnaryReactor* Pause(grpc::CallbackServerContext* context, const v1::SweepActionRequest* request,
                                  v1::SweepActionReply* reply) override;
  grpc::ServerUnaryReactor* Resume(grpc::CallbackServerContext* context, const v1::SweepActionRequest* request,
                                   v1::SweepActionReply* reply) override;
  grpc::ServerUnaryReactor* Retry(grpc::CallbackServerContext* context, const v1::RetryRequest* request,
                                  v1::RetryReply* reply) override;
  grpc::ServerUnaryReactor* DrainWorker(grpc::CallbackServerContext* context, const v1::DrainWorkerRequest* request,
                                        v1::DrainWorkerReply* reply) override;
  grpc::ServerUnaryReactor* ListWorkers(grpc::CallbackServerContext* context, const v1::ListWorkersRequest* request,
                                        v1::ListWorkersReply* reply) override;
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context, const v1::ReportRequest* request,
                                   v1::ReportReply* reply) override;
  grpc::ServerUnaryReactor* ReadSweep(grpc::CallbackServerContext* context, const v1::ReadSweepRequest* request,
                                      v1::ReadSweepReply* reply) override;
  grpc::ServerUnaryReactor* ReadHistories(grpc::CallbackServerContext* context, const v1::ReadHistoriesRequest* request,
                                          v1::ReadHistoriesReply* reply) override;
  grpc::ServerUnaryReactor* Backup(grpc::CallbackServerContext* context, const v1::BackupRequest* request,
                                   v1::BackupReply* reply) override;
  grpc::ServerUnaryReactor* CollectGarbage(grpc::CallbackServerContext* context,
                                           const v1::CollectGarbageRequest* request,
                                           v1::CollectGarbageReply* reply) override;
  grpc::ServerUnaryReactor* GetInfo(grpc::CallbackServerContext* context, const v1::GetInfoRequest* request,
                                    v1::GetInfoReply* reply) override;

 private:
  // Runs `handler` on `pool` and finishes the call with its status.
  grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* context, const v1::Version& client, RequestPool& pool,
                                   std::function<Status()> handler);
  grpc::ServerUnaryReactor* act(grpc::CallbackServerContext* context, engine::SweepAction action,
                                const v1::SweepActionRequest* request, v1::SweepActionReply* reply);
  Result<std::string> report(const v1::ReportRequest& request);
  Status submit(const v1::SubmitSweepRequest& request, v1::SubmitSweepReply& reply);
  Status plan(const v1::PlanSweepRequest& request, v1::PlanSweepReply& reply);
  Status collect_garbage(const v1::CollectGarbageRequest& request, v1::CollectGarbageReply& reply);

  EngineLoop& loop_;
  RequestPool& requests_;
  RequestPool& reports_;
  SharedAnswers shared_reports_;
  ReportDesk& desk_;
  LogDesk& logs_;
  ArtifactCollector& collector_;
  const Retention retention_;
  const std::string state_directory_;
  AnswerBook<v1::BackupReply> backups_;
  AnswerBook<v1::CollectGarbageReply> collections_;
};

// The sweep that `selector` means, among the engine's.
Result<SweepId> select_sweep_of(EngineLoop& loop, const std::string& selector);

}  // namespace autonorm::server
