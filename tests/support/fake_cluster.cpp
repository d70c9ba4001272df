#include "tests/support/fake_cluster.h"
#include "tests/support/system_clock.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace autonorm::testing {

FakeCluster::FakeCluster(ClusterOptions options) : options_(std::move(options)) {
  now_.steady = SteadyTime(std::chrono::hours(1));
  now_.wall = wall_from_us(1'700'000'000'000'000);
  start_engine();
}

FakeCluster::~FakeCluster() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  if (options_.replay && store_ && test && !::testing::Test::HasFailure())
    replay_with_restarts(script_, options_, events_);
}

FakeCluster::Noted FakeCluster::note(ReplayStep step) {
  if (nesting_ == 0 && options_.replay) script_.push_back(std::move(step));
  return Noted(nesting_);
}

void FakeCluster::open_store() {
  if (store_ && !options_.reopen) return;
  store_.reset();
  if (options_.before_open) options_.before_open();
  auto store = store::Store::open(folder_.path(), kSystemClock);
  AUTONORM_CHECK(store.ok(), store.status().message());
  store_ = std::move(store).value();
}

void FakeCluster::restart() {
  const Noted noted = note([](FakeCluster& c) { c.restart(); });
  for (auto& [id, worker] : workers_) worker.session.reset();
  death_.reset();
  start_engine();
}

void FakeCluster::reboot() {
  const Noted noted = note([](FakeCluster& c) { c.reboot(); });
  ++options_.clock_era;
  now_.steady = SteadyTime(std::chrono::minutes(1));
  restart();
}

void FakeCluster::start_engine() {
  engine_.reset();
  ++starts_;
  if (options_.store) open_store();
  // Grows like the store's own, also where that stays open.
  const int64_t epoch = store_ && options_.reopen ? store_->epoch() : starts_;
  engine_ = std::make_unique<engine::Engine>(engine::EngineOptions{.epoch = epoch,
                                                                   .secret = "test",
                                                                   .clock_era = options_.clock_era,
                                                                   .build = "0.1.0",
                                                                   .worker_command = "worker",
                                                                   .limits = options_.limits});
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
  const std::optional<Death> death = death_of(batch);
  if (death == Death::kBeforeCommit) throw CoordinatorDied();
  if (store_ && !batch.changes.empty()) {
    const Status status = store_->commit(batch.changes);
    ASSERT_TRUE(status.ok()) << status.message();
    if (options_.committed) options_.committed();
  }
  if (death == Death::kBeforeSending) throw CoordinatorDied();
  for (const engine::Outgoing& message : batch.outbox) route(message);
  if (death == Death::kAfterSending) throw CoordinatorDied();
}

std::optional<Death> FakeCluster::death_of(const engine::Batch& batch) {
  if (batch.changes.empty() && batch.outbox.empty()) return std::nullopt;
  ++events_;
  if (crash_ && crash_->event == events_) return crash_->death;
  return batch.changes.empty() ? std::nullopt : death_;
}

void FakeCluster::apply(const engine::EngineEvent& event) {
  std::optional<WorkerId> speaker;
  if (const auto* message = std::get_if<engine::WorkerMessage>(&event)) {
    for (const auto& [id, worker] : workers_) {
      if (worker.session == message->session) speaker = id;
    }
  }
  const Noted noted = note([=](FakeCluster& c) { c.apply(c.redirected(event, speaker)); });
  if (const auto* submission = std::get_if<engine::SubmitSweep>(&event))
    submitted_[submission->sweep->name] = submission->sweep;
  engine_->apply(filled_in(event), now_);
  flush();
  check_invariants();
}

// As EngineLoop does.
engine::EngineEvent FakeCluster::filled_in(engine::EngineEvent event) {
  auto* message = std::get_if<engine::WorkerMessage>(&event);
  const auto* said = message ? std::get_if<fleet::Event>(&message->message) : nullptr;
  if (!store_ || !said || !std::holds_alternative<fleet::Failed>(said->body)) return event;
  auto older = store_->checkpoints(said->key.trial);
  EXPECT_TRUE(older.ok()) << older.status().message();
  if (older.ok()) message->older = *std::move(older);
  return event;
}

void FakeCluster::check_invariants() {
  for (const std::string& finding : engine_->check_invariants()) ADD_FAILURE() << "invariant: " << finding;
  if (std::exchange(explained_, events_) == events_) return;  // nothing has changed since
  for (const std::string& finding : explain_rules_.unexplained(*engine_, now_))
    ADD_FAILURE() << "explanation: " << finding;
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

void FakeCluster::advance(std::chrono::milliseconds span, std::chrono::milliseconds step) {
  for (; span > 0ms; span -= step) pass(std::min(span, step));
}

void FakeCluster::pass(std::chrono::milliseconds step) {
  const Noted noted = note([=](FakeCluster& c) { c.pass(step); });
  now_.steady += step;
  now_.wall += step;
  std::vector<std::pair<SessionId, fleet::ToCoordinator>> heartbeats;
  for (const auto& [id, worker] : workers_) {
    if (worker.session && !worker.silent) heartbeats.emplace_back(*worker.session, fleet::Heartbeat{});
  }
  for (auto& [session, message] : heartbeats) engine_->apply(engine::WorkerMessage{session, std::move(message)}, now_);
  apply(engine::Tick{});
}

void FakeCluster::jump_wall_clock(std::chrono::microseconds by) {
  const Noted noted = note([=](FakeCluster& c) { c.jump_wall_clock(by); });
  now_.wall += by;
}

void FakeCluster::stall(std::chrono::milliseconds span) {
  const Noted noted = note([=](FakeCluster& c) { c.stall(span); });
  engine_->extend_leases(span);
}

engine::SubmitReply FakeCluster::submit(const config::Sweep& sweep, bool fresh, const std::string& key) {
  const Noted noted = note([=](FakeCluster& c) { c.submit(sweep, fresh, key); });
  engine::SubmitSweep event = submission(sweep, fresh, key);
  event.request = next_request_++;
  apply(event);
  while (continue_submission()) {
  }
  return submit_replies_.at(event.request);
}

bool FakeCluster::continue_submission() {
  const Noted noted = note([](FakeCluster& c) { c.continue_submission(); });
  const bool more = engine_->continue_slices(now_);
  flush();
  check_invariants();
  return more;
}

void FakeCluster::complete_submissions() {
  for (const engine::Interrupted& cut : engine_->interrupted()) {
    engine::SubmitSweep event = submission(*submitted_.at(sweep(cut.sweep).name), cut.fresh);
    event.resumes = true;
    apply(event);
  }
  while (continue_submission()) {
  }
}

engine::ActReply FakeCluster::act(SweepId sweep, engine::SweepAction action, const std::string& key) {
  const Noted noted = note([=](FakeCluster& c) { c.act(sweep, action, key); });
  const engine::ActOnSweep event{next_request_++, sweep, action, key};
  apply(event);
  while (continue_submission()) {
  }
  return act_replies_.at(event.request);
}

engine::ActReply FakeCluster::retry(engine::RetryTrials what) {
  const Noted noted = note([=](FakeCluster& c) { c.retry(what); });
  what.request = next_request_++;
  apply(what);
  while (continue_submission()) {
  }
  return act_replies_.at(what.request);
}

engine::ActReply FakeCluster::drain(const std::string& worker, engine::Drain drain, const std::string& key) {
  const Noted noted = note([=](FakeCluster& c) { c.drain(worker, drain, key); });
  const engine::DrainWorkers event{next_request_++, worker, drain, key};
  apply(event);
  return act_replies_.at(event.request);
}

engine::SweepView FakeCluster::sweep(SweepId id) const {
  for (const engine::SweepView& view : engine_->sweeps(now_)) {
    if (view.id == id) return view;
  }
  ADD_FAILURE() << "no sweep " << id;
  return {};
}

engine::TrialView FakeCluster::trial(const TrialId& id) const {
  for (const engine::SweepView& sweep : engine_->sweeps(now_)) {
    for (const engine::TrialView& view : engine_->trials(sweep.id)) {
      if (view.id == id) return view;
    }
  }
  ADD_FAILURE() << "no trial " << id;
  return {};
}

engine::WorkerView FakeCluster::worker_view(const WorkerId& id) const {
  for (const engine::WorkerView& view : engine_->workers(now_)) {
    if (view.id == id) return view;
  }
  ADD_FAILURE() << "no worker " << id;
  return {};
}

void FakeCluster::reconnect_all() {
  std::vector<WorkerId> ids;
  for (const auto& [id, worker] : workers_) ids.push_back(id);
  for (const WorkerId& id : ids) connect(id);
}

}  // namespace autonorm::testing
