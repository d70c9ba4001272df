// The calls that change something. Each needs an idempotency key: repeated after a lost answer, it changes nothing and
// gets the first answer.
#include <malloc.h>

#include <memory>
#include <utility>

#include "coordinator/server/control_service.h"
#include "coordinator/server/view_codec.h"
#include "coordinator/store/backup.h"

namespace autonorm::server {
namespace {

Status check_key(const std::string& key) {
  if (!key.empty() && key.size() <= 200) return {};
  return invalid("idempotency_key must have 1 to 200 characters");
}

// A call that changes something never guesses what it is about.
Status check_name(const std::string& name, const std::string& what) {
  return name.empty() ? invalid("the ", what, " is empty; name the one that is meant") : Status();
}

Status check_names(const v1::RetryRequest& request) {
  if (request.has_sweep()) AUTONORM_RETURN_IF_ERROR(check_name(request.sweep(), "sweep"));
  if (request.has_variant()) AUTONORM_RETURN_IF_ERROR(check_name(request.variant(), "variant"));
  if (request.has_trial()) AUTONORM_RETURN_IF_ERROR(check_name(request.trial(), "trial"));
  return {};
}

void encode(const Collected::Part& part, v1::CollectedPart& wire) {
  wire.set_files(part.files);
  wire.set_bytes(part.bytes);
}

std::string call_text(const v1::CollectGarbageRequest& request) {
  return cat("gc", request.keep_checkpoints() != 0 ? cat(", ", request.keep_checkpoints(), " checkpoints kept") : "",
             request.drop_models() ? ", models too" : "");
}

// Reading a large sweep file leaves garbage, and so does the sweep itself once it is inserted; the C library would keep
// it for ever.
constexpr int64_t kManyTrials = 10'000;

}  // namespace

Status ControlService::submit(const v1::SubmitSweepRequest& request, v1::SubmitSweepReply& reply) {
  AUTONORM_RETURN_IF_ERROR(check_key(request.idempotency_key()));
  auto source = decode(request.source());
  if (!source.ok()) return source.status();
  auto sweep = config::expand_sweep(*source);
  if (!sweep.ok()) return sweep.status();
  const bool large = std::ssize(sweep->trials) > kManyTrials;
  if (large) ::malloc_trim(0);
  engine::SubmitSweep event;
  event.sweep = std::make_shared<const config::Sweep>(*std::move(sweep));
  event.source = *std::move(source);
  event.fresh = request.fresh();
  event.idempotency_key = request.idempotency_key();
  const auto outcome = loop_.submit(std::move(event));
  if (large) ::malloc_trim(0);
  if (!outcome.status.ok()) return outcome.status;
  reply.set_sweep(outcome.sweep.value());
  reply.set_existed(outcome.existed);
  reply.set_cells(outcome.cells);
  reply.set_trials(outcome.trials);
  reply.set_new_trials(outcome.new_trials);
  reply.set_cached(outcome.cached);
  reply.set_revived(outcome.revived);
  return {};
}

grpc::ServerUnaryReactor* ControlService::SubmitSweep(grpc::CallbackServerContext* context,
                                                      const v1::SubmitSweepRequest* request,
                                                      v1::SubmitSweepReply* reply) {
  return answer(context, request->client(), requests_, [=, this] { return submit(*request, *reply); });
}

grpc::ServerUnaryReactor* ControlService::act(grpc::CallbackServerContext* context, engine::SweepAction action,
                                              const v1::SweepActionRequest* request, v1::SweepActionReply* reply) {
  return answer(context, request->client(), requests_, [=, this]() -> Status {
    AUTONORM_RETURN_IF_ERROR(check_key(request->idempotency_key()));
    AUTONORM_RETURN_IF_ERROR(check_name(request->sweep(), "sweep"));
    const auto sweep = select_sweep_of(loop_, request->sweep());
    if (!sweep.ok()) return sweep.status();
    const auto outcome =
        loop_.act({.request = 0, .sweep = *sweep, .action = action, .idempotency_key = request->idempotency_key()});
    reply->set_sweep(sweep->value());
    reply->set_trials_affected(outcome.trials_affected);
    return outcome.status;
  });
}

grpc::ServerUnaryReactor* ControlService::Cancel(grpc::CallbackServerContext* context,
                                                 const v1::SweepActionRequest* request, v1::SweepActionReply* reply) {
  return act(context, engine::SweepAction::kCancel, request, reply);
}

grpc::ServerUnaryReactor* ControlService::Pause(grpc::CallbackServerContext* context,
                                                const v1::SweepActionRequest* request, v1::SweepActionReply* reply) {
  return act(context, engine::SweepAction::kPause, request, reply);
}

grpc::ServerUnaryReactor* ControlService::Resume(grpc::CallbackServerContext* context,
                                                 const v1::SweepActionRequest* request, v1::SweepActionReply* reply) {
  return act(context, engine::SweepAction::kResume, request, reply);
}

grpc::ServerUnaryReactor* ControlService::Retry(grpc::CallbackServerContext* context, const v1::RetryRequest* request,
                                                v1::RetryReply* reply) {
  return answer(context, request->client(), requests_, [=, this]() -> Status {
    AUTONORM_RETURN_IF_ERROR(check_key(request->idempotency_key()));
    AUTONORM_RETURN_IF_ERROR(check_names(*request));
    engine::RetryTrials event{.request = 0,
                              .variant = request->variant(),
                              .trial = request->trial(),
                              .cancelled = request->cancelled(),
                              .idempotency_key = request->idempotency_key()};
    if (request->trial().empty() || !request->sweep().empty()) {
      const auto sweep = select_sweep_of(loop_, request->sweep());
      if (!sweep.ok()) return sweep.status();
      event.sweep = *sweep;
    }
    const auto outcome = loop_.retry(std::move(event));
    reply->set_trials_affected(outcome.trials_affected);
    return outcome.status;
  });
}

grpc::ServerUnaryReactor* ControlService::DrainWorker(grpc::CallbackServerContext* context,
                                                      const v1::DrainWorkerRequest* request,
                                                      v1::DrainWorkerReply* reply) {
  return answer(context, request->client(), requests_, [=, this]() -> Status {
    AUTONORM_RETURN_IF_ERROR(check_key(request->idempotency_key()));
    const auto mode = engine::parse_drain(request->mode());
    if (!mode) return invalid("unknown drain mode '", request->mode(), "'; allowed are after_trial, now, no");
    const auto outcome = loop_.drain(
        {.request = 0, .worker = request->worker(), .drain = *mode, .idempotency_key = request->idempotency_key()});
    reply->set_workers_affected(outcome.workers_affected);
    reply->set_trials_affected(outcome.trials_affected);
    return outcome.status;
  });
}

// On a request's thread: a copy may take long, and reports go on meanwhile.
grpc::ServerUnaryReactor* ControlService::Backup(grpc::CallbackServerContext* context, const v1::BackupRequest* request,
                                                 v1::BackupReply* reply) {
  return answer(context, request->client(), requests_, [=, this]() -> Status {
    AUTONORM_RETURN_IF_ERROR(check_key(request->idempotency_key()));
    const std::string call = cat("backup to ", request->path());
    return backups_.once(loop_, request->idempotency_key(), call, *reply, [&](v1::BackupReply& first) -> Status {
      const auto bytes = store::back_up(std::filesystem::path(state_directory_) / "autonorm.db", request->path(),
                                        request->idempotency_key());
      if (!bytes.ok()) return bytes.status();
      first.set_bytes(*bytes);
      return {};
    });
  });
}

Status ControlService::collect_garbage(const v1::CollectGarbageRequest& request, v1::CollectGarbageReply& reply) {
  Retention retention = retention_;
  if (request.keep_checkpoints() != 0) retention.keep_checkpoints = request.keep_checkpoints();
  retention.drop_models = request.drop_models();
  AUTONORM_RETURN_IF_ERROR(check_retention(retention));
  const auto collected =
      request.remove() ? collector_.collect(retention, /*attempts=*/true) : collector_.look(retention);
  if (!collected.ok()) return collected.status();
  encode(collected->artifacts, *reply.mutable_artifacts());
  encode(collected->uploads, *reply.mutable_uploads());
  encode(collected->attempts, *reply.mutable_attempts());
  encode(collected->kept, *reply.mutable_kept());
  return {};
}

grpc::ServerUnaryReactor* ControlService::CollectGarbage(grpc::CallbackServerContext* context,
                                                         const v1::CollectGarbageRequest* request,
                                                         v1::CollectGarbageReply* reply) {
  return answer(context, request->client(), requests_, [=, this]() -> Status {
    if (!request->remove()) return collect_garbage(*request, *reply);  // a question
    AUTONORM_RETURN_IF_ERROR(check_key(request->idempotency_key()));
    return collections_.once(loop_, request->idempotency_key(), call_text(*request), *reply,
                             [&](v1::CollectGarbageReply& first) { return collect_garbage(*request, first); });
  });
}

}  // namespace autonorm::server
