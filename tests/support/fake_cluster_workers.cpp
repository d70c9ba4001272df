// The part of FakeCluster that speaks for workers, and what a replay of it needs.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

bool is_terminal(const fleet::EventBody& body) {
  return std::holds_alternative<fleet::Finished>(body) || std::holds_alternative<fleet::Failed>(body);
}

// Calls `visit` with every attempt key in a worker's message.
template <class Message, class Visit>
void for_each_key(Message& message, Visit&& visit) {
  if (auto* event = std::get_if<fleet::Event>(&message)) visit(event->key);
  if (auto* free = std::get_if<fleet::SlotFree>(&message)) visit(free->key);
  if (auto* heartbeat = std::get_if<fleet::Heartbeat>(&message)) {
    for (auto& progress : heartbeat->attempts) visit(progress.key);
  }
}

}  // namespace

WorkerId FakeCluster::add_worker(WorkerSpec spec) {
  const Noted noted = note([=](FakeCluster& c) { c.add_worker(spec); });
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
  const Noted noted = note([=](FakeCluster& c) { c.connect(id); });
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
  const Noted noted = note([=](FakeCluster& c) { c.disconnect(id); });
  FakeWorker& worker = workers_.at(id);
  if (!worker.session) return;
  const SessionId session = *std::exchange(worker.session, std::nullopt);
  apply(engine::SessionClosed{session});
}

void FakeCluster::restart_worker(const WorkerId& id) {
  disconnect(id);
  change_worker(id, [](FakeWorker& worker) {
    ++worker.hello.incarnation;
    for (auto& [trial, attempt] : worker.attempts) attempt.alive = false;
    worker.dying.clear();
  });
  connect(id);
}

void FakeCluster::change_worker(const WorkerId& id, std::function<void(FakeWorker&)> change) {
  const Noted noted = note([=](FakeCluster& c) { c.change_worker(id, change); });
  change(workers_.at(id));
}

void FakeCluster::silence(const WorkerId& id) {
  change_worker(id, [](FakeWorker& worker) { worker.silent = true; });
}

void FakeCluster::forget(const WorkerId& id) {
  change_worker(id, [](FakeWorker& worker) { worker.attempts.clear(); });
}

void FakeCluster::say(const WorkerId& id, fleet::ToCoordinator message) {
  const Noted noted = note([=, known = known_keys(id, message)](FakeCluster& c) {
    if (c.workers_.contains(id)) c.say(id, c.rekeyed(id, message, known));
  });
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

WorkerId FakeCluster::member(const TrialId& trial, int rank) const {
  const engine::TrialView view = this->trial(trial);
  if (std::cmp_greater_equal(rank, view.workers.size())) {
    ADD_FAILURE() << "trial " << short_form(trial) << " (" << name(view.state) << ") has no rank " << rank;
    return {};
  }
  return view.workers[static_cast<size_t>(rank)];
}

void FakeCluster::emit(const WorkerId& id, const TrialId& trial, fleet::EventBody body) {
  const Noted noted = note([=, rank = rank_at(id, trial)](FakeCluster& c) {
    if (const auto who = c.stand_in(id, trial, rank)) c.emit(*who, trial, body);
  });
  FakeAttempt& attempt = workers_.at(id).attempts.at(trial);
  if (is_terminal(body)) attempt.terminal = true;
  if (const auto* finished = std::get_if<fleet::Finished>(&body))
    results_sent_[{trial, attempt.key.attempt}] = {finished->results.begin(), finished->results.end()};
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
  const Noted noted = note([=](FakeCluster& c) { c.store_artifact(hash); });
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
  const Noted noted = note(
      [=, rank = rank_at(id, trial)](FakeCluster& c) { c.free_slot(c.stand_in(id, trial, rank).value_or(id), trial); });
  FakeWorker& worker = workers_.at(id);
  std::optional<fleet::AttemptKey> key;
  if (const auto it = worker.attempts.find(trial); it != worker.attempts.end()) {
    key = it->second.key;
    worker.attempts.erase(it);
  } else if (const auto dead = std::ranges::find(worker.dying, trial, &fleet::AttemptKey::trial);
             dead != worker.dying.end()) {
    key = *dead;
    worker.dying.erase(dead);
  }
  if (key) say(id, fleet::SlotFree{*key});
}

void FakeCluster::bury(const WorkerId& id) {
  const Noted noted = note([=](FakeCluster& c) { c.bury(id); });
  for (const fleet::AttemptKey& key : std::exchange(workers_.at(id).dying, {})) {
    say(id, fleet::SlotFree{key, {.log_tail = {cat("killed in attempt ", key.attempt)}, .memory = {1000, 2000, 0}}});
  }
}

std::optional<std::map<std::string, double>> FakeCluster::results_sent(const TrialId& trial, Attempt attempt) const {
  const auto it = results_sent_.find({trial, attempt});
  return it == results_sent_.end() ? std::nullopt : std::optional(it->second);
}

// ---- replays ----

int FakeCluster::rank_at(const WorkerId& id, const TrialId& trial) const {
  if (!options_.replay) return -1;
  const auto attempt = workers_.at(id).attempts.find(trial);
  if (attempt == workers_.at(id).attempts.end()) return -1;
  const engine::TrialView view = this->trial(trial);
  if (attempt->second.key.attempt != view.attempt) return -1;
  const auto member = std::ranges::find(view.workers, id);
  return member == view.workers.end() ? -1 : static_cast<int>(member - view.workers.begin());
}

// Who does in a replay what rank `rank` did in the story. A worker that was no member spoke of an old attempt: it may
// only do so again.
std::optional<WorkerId> FakeCluster::stand_in(const WorkerId& id, const TrialId& trial, int rank) const {
  const auto knows = [&](const WorkerId& worker) { return workers_.at(worker).attempts.contains(trial); };
  if (!workers_.contains(id)) return std::nullopt;
  if (rank < 0) return knows(id) && rank_at(id, trial) < 0 ? std::optional(id) : std::nullopt;
  if (knows(id) && rank_at(id, trial) == rank) return id;
  const engine::TrialView view = this->trial(trial);
  if (std::cmp_greater_equal(rank, view.workers.size())) return std::nullopt;
  const WorkerId member = view.workers[static_cast<size_t>(rank)];
  return knows(member) ? std::optional(member) : std::nullopt;
}

// The trials whose attempt the message names by the very key that the worker was given.
std::set<TrialId> FakeCluster::known_keys(const WorkerId& id, const fleet::ToCoordinator& message) const {
  std::set<TrialId> known;
  for_each_key(message, [&](const fleet::AttemptKey& key) {
    const auto it = workers_.at(id).attempts.find(key.trial);
    if (it != workers_.at(id).attempts.end() && it->second.key == key) known.insert(key.trial);
  });
  return known;
}

fleet::ToCoordinator FakeCluster::rekeyed(const WorkerId& id, fleet::ToCoordinator message,
                                          const std::set<TrialId>& known) const {
  for_each_key(message, [&](fleet::AttemptKey& key) {
    const auto it = workers_.at(id).attempts.find(key.trial);
    if (known.contains(key.trial) && it != workers_.at(id).attempts.end()) key = it->second.key;
  });
  return message;
}

engine::EngineEvent FakeCluster::redirected(engine::EngineEvent event, const std::optional<WorkerId>& speaker) const {
  auto* message = std::get_if<engine::WorkerMessage>(&event);
  if (message && speaker) message->session = workers_.at(*speaker).session.value_or(SessionId(-1));
  return event;
}

}  // namespace autonorm::testing
