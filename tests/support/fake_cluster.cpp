#include "tests/support/fake_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace autonorm::testing {
namespace {

constexpr auto kStep = 500ms;

bool is_terminal(const fleet::EventBody& body) {
  return std::holds_alternative<fleet::Finished>(body) || std::holds_alternative<fleet::Failed>(body);
}

}  // namespace

FakeCluster::FakeCluster(ClusterOptions options) : options_(std::move(options)) {
  now_.steady = SteadyTime(std::chrono::hours(1));
  now_.wall = wall_from_us(1'700'000'000'000'000);
  restart();
}

void FakeCluster::open_store() {
  if (store_ && !options_.reopen) return;
  store_.reset();
  if (options_.before_open) options_.before_open();
  auto store = store::Store::open(folder_.path());
  AUTONORM_CHECK(store.ok(), store.status().message());
  store_ = std::move(store).value();
}

void FakeCluster::restart() {
  for (auto& [id, worker] : workers_) worker.session.reset();
  death_.reset();
  engine_.reset();
  ++starts_;
  if (options_.store) open_store();
  // Grows like the store's own, also where that stays open.
  const int64_t epoch = store_ && options_.reopen ? store_->epoch() : starts_;
  engine_ = std::make_unique<engine::Engine>(engine::EngineOptions{
      .epoch = epoch, .secret = "test", .build = "0.1.0", .worker_command = "worker", .limits = options_.limits});
  if (store_) {
    auto rows = store_->load();
    AUTONORM_CHECK(rows.ok(), rows.status().message());
    engine_->restore(std::move(rows).value(), now_);
  }
  flush();
  check_invariants();
}

void FakeCluster::flush() {
  engine_->schedule(now_);
  engine::Batch batch = engine_->take();
  const bool dies = death_ && !batch.changes.empty();
  if (dies && death_ == Death::kBeforeCommit) throw CoordinatorDied();
  if (store_ && !batch.changes.empty()) {
    const Status status = store_->commit(batch.changes);
    ASSERT_TRUE(status.ok()) << status.message();
    if (options_.committed) options_.committed();
  }
  if (dies) throw CoordinatorDied();
  for (const engine::Outgoing& message : batch.outbox) route(message);
}

void FakeCluster::apply(const engine::EngineEvent& event) {
  engine_->apply(event, now_);
  flush();
  check_invariants();
}

void FakeCluster::check_invariants() {
  for (const std::string& finding : engine_->check_invariants()) ADD_FAILURE() << "invariant: " << finding;
}

void FakeCluster::route(const engine::Outgoing& message) {
  if (const auto* reply = std::get_if<engine::SubmitReply>(&message)) {
    submit_replies_[reply->request] = *reply;
  } else if (const auto* reply = std::get_if<engine::ActReply>(&message)) {
    act_replies_[reply->request] = *reply;
  } else if (const auto* close = std::get_if<engine::CloseSession>(&message)) {
    for (auto& [id, worker] : workers_) {
      if (worker.session == close->session) worker.session.reset();
    }
  } else if (const auto* to = std::get_if<engine::ToSession>(&message)) {
    for (auto& [id, worker] : workers_) {
      if (worker.session == to->session) take(worker, to->message);
    }
  }
}

void FakeCluster::take(FakeWorker& worker, const fleet::ToWorker& message) {
  if (const auto* ack = std::get_if<fleet::Ack>(&message)) {
    const auto it = worker.attempts.find(ack->key.trial);
    if (it != worker.attempts.end() && it->second.key == ack->key)
      it->second.acked = std::max(it->second.acked, ack->seq);
    return;
  }
  worker.inbox.push_back(message);
  if (const auto* start = std::get_if<fleet::Start>(&message)) {
    EXPECT_TRUE(start->config.empty()) << "the loop fills it in";
    FakeAttempt& attempt = worker.attempts[start->key.trial];
    if (attempt.key != start->key) attempt = FakeAttempt{.key = start->key, .events = {}, .acked = {}};
  } else if (const auto* welcome = std::get_if<fleet::Welcome>(&message)) {
    for (const fleet::AttemptKey& key : welcome->kill) {
      const auto it = worker.attempts.find(key.trial);
      if (it->second.alive) worker.dying.push_back(key);
      worker.attempts.erase(it);
    }
    for (const auto& [key, seq] : welcome->acked) {
      FakeAttempt& attempt = worker.attempts.at(key.trial);
      EXPECT_GE(seq, attempt.acked) << "events of " << short_form(key.trial) << " were acknowledged and are lost";
      attempt.acked = seq;
    }
  }
}

void FakeCluster::advance(std::chrono::milliseconds span) {
  while (span > 0ms) {
    const auto step = std::min(span, std::chrono::milliseconds(kStep));
    span -= step;
    now_.steady += step;
    now_.wall += step;
    std::vector<std::pair<SessionId, fleet::ToCoordinator>> heartbeats;
    for (const auto& [id, worker] : workers_) {
      if (worker.session && !worker.silent) heartbeats.emplace_back(*worker.session, fleet::Heartbeat{});
    }
    for (auto& [session, message] : heartbeats)
      engine_->apply(engine::WorkerMessage{session, std::move(message)}, now_);
    apply(engine::Tick{});
  }
}

engine::SubmitReply FakeCluster::submit(const config::Sweep& sweep, bool fresh, const std::string& key) {
  engine::SubmitSweep event = submission(sweep, fresh, key);
  event.request = next_request_++;
  apply(event);
  while (engine_->continue_submissions(now_)) flush();
  flush();
  check_invariants();
  return submit_replies_.at(event.request);
}

engine::ActReply FakeCluster::act(SweepId sweep, engine::SweepAction action, const std::string& key) {
  const engine::ActOnSweep event{next_request_++, sweep, action, key};
  apply(event);
  return act_replies_.at(event.request);
}

engine::ActReply FakeCluster::retry(engine::RetryTrials what) {
  what.request = next_request_++;
  apply(what);
  return act_replies_.at(what.request);
}

engine::ActReply FakeCluster::drain(const std::string& worker, engine::Drain drain, const std::string& key) {
  const engine::DrainWorkers event{next_request_++, worker, drain, key};
  apply(event);
  return act_replies_.at(event.request);
}

engine::SweepView FakeCluster::sweep(SweepId id) {
  for (const engine::SweepView& view : engine_->sweeps(now_)) {
    if (view.id == id) return view;
  }
  ADD_FAILURE() << "no sweep " << id;
  return {};
}

engine::TrialView FakeCluster::trial(const TrialId& id) {
  for (const engine::SweepView& sweep : engine_->sweeps(now_)) {
    for (const engine::TrialView& view : engine_->trials(sweep.id)) {
      if (view.id == id) return view;
    }
  }
  ADD_FAILURE() << "no trial " << id;
  return {};
}

engine::WorkerView FakeCluster::worker_view(const WorkerId& id) {
  for (const engine::WorkerView& view : engine_->workers(now_)) {
    if (view.id == id) return view;
  }
  ADD_FAILURE() << "no worker " << id;
  return {};
}

WorkerId FakeCluster::add_worker(WorkerSpec spec) {
  const WorkerId id(spec.name.empty() ? cat("w", workers_.size()) : spec.name);
  FakeWorker& worker = workers_[id];
  int& size = world_sizes_[spec.world];
  worker.hello = {.worker = id,
                  .incarnation = 1,
                  .mpi_world = spec.world,
                  .mpi_rank = spec.mpi_rank < 0 ? size : spec.mpi_rank,
                  .mpi_size = size + 1,
                  .host = spec.host,
                  .address = spec.host + ".example",
                  .pid = 100 + size,
                  .device = {.kind = spec.device, .index = 0, .name = spec.device + " device", .memory_bytes = 1},
                  .build = "0.1.0",
                  .torch = "2.11.0",
                  .recovery = true,
                  .attempts = {}};
  ++size;
  connect(id);
  return id;
}

std::vector<WorkerId> FakeCluster::add_workers(int count, WorkerSpec spec) {
  std::vector<WorkerId> ids;
  for (int i = 0; i < count; ++i) ids.push_back(add_worker(spec));
  return ids;
}

void FakeCluster::connect(const WorkerId& id) {
  FakeWorker& worker = workers_.at(id);
  worker.session = SessionId(next_session_++);
  worker.silent = false;
  worker.hello.attempts.clear();
  for (const auto& [trial, attempt] : worker.attempts) {
    worker.hello.attempts.push_back(
        {attempt.key, Seq(static_cast<int64_t>(attempt.events.size())), attempt.terminal, attempt.alive});
  }
  apply(engine::WorkerHello{*worker.session, worker.hello});
  const std::map<TrialId, FakeAttempt> kept = worker.attempts;
  for (const auto& [trial, attempt] : kept) {
    for (size_t i = static_cast<size_t>(attempt.acked.value()); i < attempt.events.size(); ++i)
      deliver(id, attempt.events[i]);
  }
}

void FakeCluster::disconnect(const WorkerId& id) {
  FakeWorker& worker = workers_.at(id);
  if (!worker.session) return;
  const SessionId session = *std::exchange(worker.session, std::nullopt);
  apply(engine::SessionClosed{session});
}

void FakeCluster::restart_worker(const WorkerId& id) {
  disconnect(id);
  FakeWorker& worker = workers_.at(id);
  ++worker.hello.incarnation;
  for (auto& [trial, attempt] : worker.attempts) attempt.alive = false;
  worker.dying.clear();
  connect(id);
}

void FakeCluster::say(const WorkerId& id, fleet::ToCoordinator message) {
  const FakeWorker& worker = workers_.at(id);
  if (worker.session) apply(engine::WorkerMessage{*worker.session, std::move(message)});
}

std::vector<fleet::ToWorker> FakeCluster::take_messages(const WorkerId& id) {
  return std::exchange(workers_.at(id).inbox, {});
}

fleet::AttemptKey FakeCluster::key_at(const WorkerId& id, const TrialId& trial) {
  const auto& attempts = workers_.at(id).attempts;
  const auto it = attempts.find(trial);
  if (it == attempts.end()) {
    ADD_FAILURE() << id << " was never asked to start " << short_form(trial);
    return {};
  }
  return it->second.key;
}

WorkerId FakeCluster::member(const TrialId& trial, int rank) {
  const engine::TrialView view = this->trial(trial);
  if (std::cmp_greater_equal(rank, view.workers.size())) {
    ADD_FAILURE() << "trial " << short_form(trial) << " (" << name(view.state) << ") has no rank " << rank;
    return {};
  }
  return view.workers[static_cast<size_t>(rank)];
}

void FakeCluster::emit(const WorkerId& id, const TrialId& trial, fleet::EventBody body) {
  FakeAttempt& attempt = workers_.at(id).attempts.at(trial);
  if (is_terminal(body)) attempt.terminal = true;
  attempt.events.push_back({attempt.key, Seq(static_cast<int64_t>(attempt.events.size()) + 1), std::move(body)});
  const fleet::Event event = attempt.events.back();
  deliver(id, event);
}

void FakeCluster::deliver(const WorkerId& id, const fleet::Event& event) { say(id, event); }

void FakeCluster::join_all(const TrialId& trial) {
  const std::vector<WorkerId> members = this->trial(trial).workers;
  ASSERT_FALSE(members.empty()) << short_form(trial) << " was not started: " << reason(trial);
  if (members.size() > 1) emit(members.front(), trial, fleet::Ready{"listening", "10.0.0.1:4000"});
  for (const WorkerId& id : members) emit(id, trial, fleet::Ready{"joined", ""});
}

void FakeCluster::store_artifact(const Sha256& hash) {
  if (store_) {
    // The row alone would not survive a restart: the store looks for the file.
    const std::filesystem::path path = store_->artifacts().path(hash);
    std::filesystem::create_directories(path.parent_path());
    const Status status = write_file_durably(path, "artifact");
    ASSERT_TRUE(status.ok()) << status.message();
  }
  apply(engine::ArtifactStored{hash, 8});
}

void FakeCluster::checkpoint(const TrialId& trial, int64_t step) {
  const Sha256 manifest = artifact_hash(cat(trial, "/step-", step));
  store_artifact(manifest);
  emit(member(trial), trial, fleet::CheckpointSaved{step, manifest, 8});
}

void FakeCluster::finish(const TrialId& trial, double accuracy) {
  const std::vector<WorkerId> members = this->trial(trial).workers;
  ASSERT_FALSE(members.empty()) << short_form(trial) << " is not running";
  const Sha256 model = artifact_hash(cat(trial, "/model"));
  store_artifact(model);
  fleet::Finished finished;
  finished.results = {{"test/accuracy", accuracy}};
  finished.facts = {{"weights_sha256", "abc"}};
  finished.initial = {{"head.weight [10, 64]", "def"}};
  finished.artifacts = {{"model", model}};
  emit(members.front(), trial, finished);
  for (const WorkerId& id : members) free_slot(id, trial);
}

void FakeCluster::fail(const WorkerId& id, const TrialId& trial, EndReason reason, const std::string& message) {
  emit(id, trial,
       fleet::Failed{.reason = reason, .message = message, .signal = 0, .exit_code = 1, .log_tail = {"last line"}});
}

void FakeCluster::free_slot(const WorkerId& id, const TrialId& trial) {
  FakeWorker& worker = workers_.at(id);
  const auto it = worker.attempts.find(trial);
  if (it == worker.attempts.end()) return;
  const fleet::AttemptKey key = it->second.key;
  worker.attempts.erase(it);
  say(id, fleet::SlotFree{key});
}

void FakeCluster::bury(const WorkerId& id) {
  for (const fleet::AttemptKey& key : std::exchange(workers_.at(id).dying, {})) say(id, fleet::SlotFree{key});
}

void FakeCluster::reconnect_all() {
  std::vector<WorkerId> ids;
  for (const auto& [id, worker] : workers_) ids.push_back(id);
  for (const WorkerId& id : ids) connect(id);
}

}  // namespace autonorm::testing
