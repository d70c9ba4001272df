#include "coordinator/server/engine_loop.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <future>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "coordinator/server/committer.h"
#include "coordinator/server/config_freezer.h"
#include "coordinator/server/cut_submissions.h"
#include "coordinator/server/engine_inbox.h"
#include "coordinator/server/engine_post.h"
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
        clock_(clock),
        on_fatal_(std::move(options.on_fatal)),
        epoch_(store.epoch()),
        engine_({.epoch = epoch_,
                 .secret = options.secret.empty() ? default_secret(store, clock) : std::move(options.secret),
                 .clock_era = options.clock_era,
                 .build = std::move(options.build),
                 .worker_command = std::move(options.worker_command),
                 .limits = options.limits}),
        inbox_(clock),
        committer_(store, inbox_, on_fatal_),
        post_(store, transport, on_fatal_) {
    if (!on_fatal_) on_fatal_ = end_process;
  }

  ~Loop() override {
    inbox_.close();
    if (thread_.joinable()) thread_.join();
    post_.submit_callers.answer_all(stopped());
    post_.act_callers.answer_all(stopped());
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
    return call(std::move(event), post_.submit_callers);
  }
  engine::ActReply act(engine::ActOnSweep event) override { return call(std::move(event), post_.act_callers); }
  engine::ActReply retry(engine::RetryTrials event) override { return call(std::move(event), post_.act_callers); }
  engine::ActReply drain(engine::DrainWorkers event) override { return call(std::move(event), post_.act_callers); }

  Status keep_answer(engine::ReplyRecord reply) override {
    return call(engine::KeepAnswer{.reply = std::move(reply)}, post_.act_callers).status;
  }
  Result<std::optional<std::string>> kept_answer(const std::string& key, const std::string& call) override {
    using Kept = Result<std::optional<std::string>>;
    return ask<Kept>([&](Now) { return engine_.kept_answer(key, call); }, Kept(stopped()));
  }

  std::vector<engine::SweepView> sweeps() override {
    return ask<std::vector<engine::SweepView>>([this](Now now) { return engine_.sweeps(now); });
  }
  std::vector<engine::TrialView> trials(std::optional<SweepId> sweep) override {
    return ask<std::vector<engine::TrialView>>([this, sweep](Now) { return engine_.trials(sweep); });
  }
  engine::TrialPage trial_page(SweepId sweep, engine::TrialFilter filter) override {
    return ask<engine::TrialPage>(
        [this, sweep, filter = std::move(filter)](Now) { return engine_.trial_page(sweep, filter); });
  }
  std::vector<engine::TrialView> active_trials(SweepId sweep) override {
    return ask<std::vector<engine::TrialView>>([this, sweep](Now) { return engine_.active_trials(sweep); });
  }
  std::vector<engine::WorkerView> workers() override {
    return ask<std::vector<engine::WorkerView>>([this](Now now) { return engine_.workers(now); });
  }
  Result<engine::Explanation> explain(const std::string& prefix) override {
    using Answer = Result<engine::Explanation>;
    return ask<Answer>([this, prefix](Now now) { return explanation(prefix, now); }, Answer(stopped()));
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
  std::optional<std::string> trouble() override { return committer_.trouble(); }
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
  Result<engine::Explanation> explanation(const std::string& prefix, Now now) {
    auto found = engine_.explain(prefix, now);
    if (!found.ok() || !found->failed) return found;
    const auto failure = store_.last_failure(*found->failed);
    if (!failure.ok()) return failure.status();
    if (*failure) {
      const std::vector<std::string> lines = failure_lines(**failure);
      found->lines.insert(found->lines.end(), lines.begin(), lines.end());
    }
    return found;
  }

  void run() {
    for (const engine::EngineEvent& event : cut_submissions(engine_, store_)) engine_.apply(event, clock_.now());
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
        fill_in(*item.event);
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

  // What the engine does not keep in memory.
  void fill_in(engine::EngineEvent& event) {
    auto* message = std::get_if<engine::WorkerMessage>(&event);
    const auto* said = message ? std::get_if<fleet::Event>(&message->message) : nullptr;
    const auto* failed = said ? std::get_if<fleet::Failed>(&said->body) : nullptr;
    if (!failed || failed->unusable.value().empty()) return;
    auto older = store_.checkpoints(said->key.trial);
    if (!older.ok()) return on_fatal_(older.status().with_context("reading a trial's checkpoints"));
    message->older = std::move(older).value();
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
      const auto meanwhile = [this] {
        std::ranges::move(inbox_.take_questions(), std::back_inserter(questions_));
        answer_questions();
      };
      if (!committer_.commit(batch.changes, meanwhile)) return false;
      pass(Failpoint::kCommitAfter);
    }
    post_.deliver(std::move(batch.outbox));
    return true;
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

  store::Store& store_;
  const Clock& clock_;
  std::function<void(const Status&)> on_fatal_;
  const int64_t epoch_;

  // of the thread alone
  engine::Engine engine_;
  SteadyTime last_tick_{};
  std::vector<EngineInbox::Question> questions_;  // taken; answered once the events that came with them are durable

  EngineInbox inbox_;
  std::atomic<RequestId> last_request_ = 0;
  Committer committer_;
  EnginePost post_;

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
