#include "coordinator/server/engine_loop.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "coordinator/server/config_freezer.h"
#include "coordinator/server/engine_callers.h"
#include "coordinator/server/engine_inbox.h"
#include "coordinator/server/failure_lines.h"
#include "coordinator/store/store.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"
#include "core/base/sha256.h"

namespace autonorm::server {
namespace {

using engine::RequestId;
using std::chrono::milliseconds;

constexpr milliseconds kTick{500};
constexpr milliseconds kStallWorthNoting{1'000};  // beyond the tick's period
constexpr milliseconds kCommitRetry{250};

void end_process(const Status& status) {
  log_error("the coordinator cannot go on: ", status.message());
  std::_Exit(1);
}

std::string default_secret(const store::Store& store, const Clock& clock) {
  return sha256(cat(store.directory().string(), "/", store.epoch(), "/", to_us(clock.now().wall))).value();
}

class Loop final : public EngineLoop {
 public:
  Loop(store::Store& store, Transport& transport, const Clock& clock, EngineLoopOptions options)
      : store_(store),
        transport_(transport),
        clock_(clock),
        on_fatal_(std::move(options.on_fatal)),
        epoch_(store.epoch()),
        engine_({.epoch = epoch_,
                 .secret = options.secret.empty() ? default_secret(store, clock) : std::move(options.secret),
                 .build = std::move(options.build),
                 .worker_command = std::move(options.worker_command),
                 .limits = options.limits}),
        inbox_(clock) {
    if (!on_fatal_) on_fatal_ = end_process;
  }

  ~Loop() override {
    inbox_.close();
    if (thread_.joinable()) thread_.join();
    submit_callers_.answer_all(stopped());
    act_callers_.answer_all(stopped());
  }

  void start() {
    auto rows = store_.load();
    if (!rows.ok()) {
      on_fatal_(rows.status().with_context("reading the database"));
      return;
    }
    const Now now = clock_.now();
    last_tick_ = now.steady;
    engine_.restore(std::move(rows).value(), now);
    thread_ = std::thread([this] { run(); });
  }

  void post(engine::EngineEvent event) override { inbox_.post(std::move(event)); }

  engine::SubmitReply submit(engine::SubmitSweep event) override {
    if (!event.freeze) event.freeze = config_freezer(event.sweep);
    return call(std::move(event), submit_callers_);
  }
  engine::ActReply act(engine::ActOnSweep event) override { return call(std::move(event), act_callers_); }
  engine::ActReply retry(engine::RetryTrials event) override { return call(std::move(event), act_callers_); }
  engine::ActReply drain(engine::DrainWorkers event) override { return call(std::move(event), act_callers_); }

  std::vector<engine::SweepView> sweeps() override {
    return ask<std::vector<engine::SweepView>>([this](Now now) { return engine_.sweeps(now); });
  }
  std::vector<engine::TrialView> trials(std::optional<SweepId> sweep) override {
    return ask<std::vector<engine::TrialView>>([this, sweep](Now) { return engine_.trials(sweep); });
  }
  std::vector<engine::TrialView> active_trials(SweepId sweep) override {
    return ask<std::vector<engine::TrialView>>([this, sweep](Now) { return engine_.active_trials(sweep); });
  }
  std::vector<engine::WorkerView> workers() override {
    return ask<std::vector<engine::WorkerView>>([this](Now now) { return engine_.workers(now); });
  }
  Result<std::vector<std::string>> explain(const std::string& prefix) override {
    using Lines = Result<std::vector<std::string>>;
    return ask<Lines>([this, prefix](Now now) { return explanation(prefix, now); }, Lines(stopped()));
  }
  std::set<TrialId> finished_trials(std::vector<TrialId> among) override {
    return ask<std::set<TrialId>>([this, among = std::move(among)](Now) { return engine_.finished_trials(among); });
  }
  bool has_artifact(const Sha256& hash) override {
    return ask<bool>([this, hash](Now) { return engine_.has_artifact(hash); });
  }
  std::vector<Sha256> pinned_artifacts() override {
    return ask<std::vector<Sha256>>([this](Now) { return engine_.pinned_artifacts(); });
  }
  Removal remove_artifacts(const std::vector<Sha256>& candidates, const std::unordered_set<Sha256>& spared,
                           WallTime unused_since) override {
    return ask<Removal>([&, unused_since](Now now) { return remove(candidates, spared, unused_since, now); });
  }
  std::optional<std::string> trouble() override {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }
  int64_t epoch() const override { return epoch_; }

 private:
  static Status stopped() { return unavailable("the coordinator is stopping; try again when it is back"); }

  template <class Event, class Reply>
  Reply call(Event event, EngineCallers<Reply>& callers) {
    const RequestId request = event.request = ++last_request_;
    std::future<Reply> future = callers.expect(request);
    if (!inbox_.post(std::move(event))) callers.answer({.request = request, .status = stopped()});
    return future.get();
  }

  template <class View>
  View ask(std::function<View(Now)> take, View without = {}) {
    auto promise = std::make_shared<std::promise<View>>();
    std::future<View> future = promise->get_future();
    if (!inbox_.ask([promise = std::move(promise), take = std::move(take)](Now now) { promise->set_value(take(now)); }))
      return without;
    try {
      return future.get();
    } catch (const std::future_error&) {  // the loop stopped with the question in its inbox
      return without;
    }
  }

  // With what the store keeps of the last failure.
  Result<std::vector<std::string>> explanation(const std::string& prefix, Now now) {
    auto found = engine_.explain(prefix, now);
    if (!found.ok()) return found.status();
    if (!found->failed) return std::move(found->lines);
    const auto failure = store_.last_failure(*found->failed);
    if (!failure.ok()) return failure.status();
    if (*failure) {
      const std::vector<std::string> lines = failure_lines(**failure);
      found->lines.insert(found->lines.end(), lines.begin(), lines.end());
    }
    return std::move(found->lines);
  }

  void run() {
    resume_submissions();
    bool more = false;
    while (true) {
      EngineInbox::Batch batch = inbox_.take(more ? milliseconds(0) : kTick);
      if (inbox_.closed()) break;
      more = step(batch);
    }
    inbox_.take_questions().clear();
    questions_.clear();
  }

  // Decide → commit → send → reply, then the questions. True when there is more to do without waiting.
  bool step(EngineInbox::Batch& batch) {
    for (EngineInbox::Item& item : batch.items) {
      if (item.event) {
        engine_.apply(*item.event, item.arrival);
      } else {
        questions_.push_back(std::move(item.question));
      }
    }
    const Now now = clock_.now();
    // Leases expire only when every message that has arrived was heard.
    if (batch.all && now.steady - last_tick_ >= kTick) tick(now);
    const bool more = engine_.continue_slices(now);
    engine_.schedule(now);
    if (!carry_out(engine_.take())) return false;
    answer_questions();
    return more || !batch.all;
  }

  void answer_questions() {
    for (const auto& question : std::exchange(questions_, {})) question(clock_.now());
  }

  void tick(Now now) {
    const auto late = std::chrono::duration_cast<milliseconds>(now.steady - last_tick_) - kTick;
    if (late > kStallWorthNoting) {
      log_warning("the coordinator stood still for ", late.count(), " ms; leases are extended by that");
      engine_.extend_leases(late);
    }
    last_tick_ = now.steady;
    engine_.apply(engine::Tick{}, now);
  }

  // False when the loop is to stop.
  bool carry_out(engine::Batch batch) {
    if (!batch.changes.empty()) {
      if (!commit(batch.changes)) return false;
      pass(Failpoint::kCommitAfter);
    }
    for (engine::Outgoing& message : batch.outbox) {
      std::visit([this](auto& m) { deliver(m); }, message);
    }
    return true;
  }

  // Tries for ever where that can help; meanwhile nothing else is decided, but people can ask what is going on.
  bool commit(const std::vector<engine::Change>& changes) {
    while (true) {
      const Status status = store_.commit(changes);
      if (status.ok()) {
        set_trouble(std::nullopt);
        return true;
      }
      if (status.code() != Code::kExhausted && status.code() != Code::kUnavailable) {
        on_fatal_(status.with_context("writing the database"));
        return false;
      }
      set_trouble(cat(status.message(), ", work goes on by itself"));
      std::ranges::move(inbox_.take_questions(), std::back_inserter(questions_));
      answer_questions();
      inbox_.pause(kCommitRetry);
      if (inbox_.closed()) return false;
    }
  }

  // The rows follow with the next batch: a start between the two leaves out rows without files.
  Removal remove(const std::vector<Sha256>& candidates, const std::unordered_set<Sha256>& spared, WallTime unused_since,
                 Now now) {
    Removal removal;
    store::ArtifactStore& artifacts = store_.artifacts();
    removal.outdated = std::ranges::any_of(engine_.pinned_artifacts(), [&](const Sha256& manifest) {
      return !spared.contains(manifest) && artifacts.used(manifest) < unused_since;
    });
    if (removal.outdated) return removal;
    engine::ArtifactsDropped dropped;
    for (const Sha256& hash : candidates) {
      const auto bytes = artifacts.remove(hash, unused_since);
      if (!bytes) continue;
      removal.bytes += *bytes;
      dropped.hashes.push_back(hash);
    }
    removal.files = std::ssize(dropped.hashes);
    engine_.apply(dropped, now);
    return removal;
  }

  void set_trouble(std::optional<std::string> text) {
    const std::lock_guard lock(mutex_);
    if (text != trouble_) {
      if (text) {
        log_error(*text);
      } else {
        log_info("the database can be written again");
      }
    }
    trouble_ = std::move(text);
  }

  void deliver(engine::ToSession& message) {
    if (auto* start = std::get_if<fleet::Start>(&message.message)) {
      auto config = store_.trial_config(start->key.trial);
      if (!config.ok()) {
        on_fatal_(config.status().with_context("reading a trial's configuration"));
        return;
      }
      start->config = std::move(config).value();
    }
    if (std::holds_alternative<fleet::Ack>(message.message)) pass(Failpoint::kAckBefore);
    transport_.send(message.session, message.message);
  }
  void deliver(engine::CloseSession& message) { transport_.close(message.session); }
  void deliver(engine::SubmitReply& reply) {
    pass(Failpoint::kReplyBefore);
    submit_callers_.answer(std::move(reply));
  }
  void deliver(engine::ActReply& reply) { act_callers_.answer(std::move(reply)); }

  // A crash in the middle of a submission left half a sweep: its source is stored, so the rest follows now.
  void resume_submissions() {
    for (const engine::Interrupted& interrupted : engine_.interrupted()) {
      auto source = store_.sweep_source(interrupted.sweep);
      auto sweep = source.ok() ? config::expand_sweep(*source) : Result<config::Sweep>(source.status());
      if (!sweep.ok()) {
        log_error("sweep ", interrupted.sweep,
                  " was being submitted when the coordinator stopped and cannot be completed: ",
                  sweep.status().message(), "; it is cancelled, submit its file again");
        engine_.apply(engine::ActOnSweep{.request = 0,
                                         .sweep = interrupted.sweep,
                                         .action = engine::SweepAction::kCancel,
                                         .idempotency_key = {}},
                      clock_.now());
        continue;
      }
      engine::SubmitSweep event;
      event.sweep = std::make_shared<const config::Sweep>(std::move(sweep).value());
      event.source = std::move(source).value();
      event.freeze = config_freezer(event.sweep);
      event.fresh = interrupted.fresh;
      event.resumes = true;
      engine_.apply(event, clock_.now());
    }
  }

  store::Store& store_;
  Transport& transport_;
  const Clock& clock_;
  std::function<void(const Status&)> on_fatal_;
  const int64_t epoch_;

  // of the thread alone
  engine::Engine engine_;
  SteadyTime last_tick_{};
  std::vector<EngineInbox::Question> questions_;  // taken; answered once the events that came with them are durable

  EngineInbox inbox_;
  std::atomic<RequestId> last_request_ = 0;
  EngineCallers<engine::SubmitReply> submit_callers_;
  EngineCallers<engine::ActReply> act_callers_;
  std::mutex mutex_;
  std::optional<std::string> trouble_;  // guarded by mutex_

  std::thread thread_;
};

}  // namespace

std::unique_ptr<EngineLoop> start_engine_loop(store::Store& store, Transport& transport, const Clock& clock,
                                              EngineLoopOptions options) {
  auto loop = std::make_unique<Loop>(store, transport, clock, std::move(options));
  loop->start();
  return loop;
}

}  // namespace autonorm::server
