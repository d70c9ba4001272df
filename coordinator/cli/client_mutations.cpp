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
  const auto reply = connection_->call(&v1::Control::Stub::SubmitSweep, request);
  if (!reply.ok()) return reply.status();
  engine::SubmitReply outcome;
  outcome.sweep = SweepId(reply->sweep());
  outcome.existed = reply->existed();
  outcome.cells = reply->cells();
  outcome.trials = reply->trials();
  outcome.new_trials = reply->new_trials();
  outcome.cached = reply->cached();
  outcome.revived = reply->revived();
  return outcome;
}

Result<ActOutcome> ControlClient::act(engine::SweepAction action, const std::string& sweep, const std::string& key) {
  auto request = versioned<v1::SweepActionRequest>();
  request.set_idempotency_key(key);
  request.set_sweep(sweep);
  const auto method = [action] {
    switch (action) {
      case engine::SweepAction::kPause:
        return &v1::Control::Stub::Pause;
      case engine::SweepAction::kResume:
        return &v1::Control::Stub::Resume;
      case engine::SweepAction::kCancel:
        break;
    }
    return &v1::Control::Stub::Cancel;
  };
  const auto reply = connection_->call(method(), request);
  if (!reply.ok()) return reply.status();
  return ActOutcome{.sweep = SweepId(reply->sweep()), .trials_affected = reply->trials_affected()};
}

Result<int64_t> ControlClient::retry(const std::string& sweep, const engine::RetryTrials& what) {
  auto request = versioned<v1::RetryRequest>();
  request.set_idempotency_key(what.idempotency_key);
  if (!sweep.empty()) request.set_sweep(sweep);
  if (!what.variant.empty()) request.set_variant(what.variant);
  if (!what.trial.empty()) request.set_trial(what.trial);
  request.set_cancelled(what.cancelled);
  const auto reply = connection_->call(&v1::Control::Stub::Retry, request);
  if (!reply.ok()) return reply.status();
  return reply->trials_affected();
}

Result<DrainOutcome> ControlClient::drain(const std::string& worker, engine::Drain drain, const std::string& key) {
  auto request = versioned<v1::DrainWorkerRequest>();
  request.set_idempotency_key(key);
  request.set_worker(worker);
  request.set_mode(std::string(name(drain)));
  const auto reply = connection_->call(&v1::Control::Stub::DrainWorker, request);
  if (!reply.ok()) return reply.status();
  return DrainOutcome{reply->workers_affected(), reply->trials_affected()};
}

Result<server::Collected> ControlClient::collect_garbage(bool remove, int keep_checkpoints, bool drop_models,
                                                         const std::string& key) {
  auto request = versioned<v1::CollectGarbageRequest>();
  request.set_idempotency_key(key);
  request.set_remove(remove);
  request.set_keep_checkpoints(keep_checkpoints);
  request.set_drop_models(drop_models);
  const auto reply = connection_->call(&v1::Control::Stub::CollectGarbage, request);
  if (!reply.ok()) return reply.status();
  const auto part = [](const v1::CollectedPart& wire) { return server::Collected::Part{wire.files(), wire.bytes()}; };
  return server::Collected{.artifacts = part(reply->artifacts()),
                           .uploads = part(reply->uploads()),
                           .attempts = part(reply->attempts()),
                           .kept = part(reply->kept())};
}

Result<int64_t> ControlClient::back_up(const std::string& path, const std::string& key) {
  auto request = versioned<v1::BackupRequest>();
  request.set_idempotency_key(key);
  request.set_path(path);
  const auto reply = connection_->call(&v1::Control::Stub::Backup, request);
  if (!reply.ok()) return reply.status();
  return reply->bytes();
}

}  // namespace autonorm::cli
