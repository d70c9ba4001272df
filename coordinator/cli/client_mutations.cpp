// The calls that change something, each under the key of its intent.
#include "coordinator/cli/client_connection.h"
#include "coordinator/cli/control_client.h"

namespace autonorm::cli {

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

Result<server::Collected> ControlClient::collect_garbage(bool remove, int keep_checkpoints, bool drop_models,
                                                         const std::string& key) {
  auto request = versioned<v1::CollectGarbageRequest>();
  request.set_idempotency_key(key);
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

Result<int64_t> ControlClient::back_up(const std::string& path, const std::string& key) {
  auto request = versioned<v1::BackupRequest>();
  request.set_idempotency_key(key);
  request.set_path(path);
  grpc::ClientContext context;
  v1::BackupReply reply;
  if (const auto status = connection_->stub->Backup(&context, request, &reply); !status.ok()) {
    return connection_->status(status);
  }
  return reply.bytes();
}

}  // namespace autonorm::cli
