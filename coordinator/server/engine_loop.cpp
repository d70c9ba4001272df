#include "coordinator/server/engine_loop.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "coordinator/store/store.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"
#include "core/base/sha256.h"
#include "core/base/signal_name.h"

namespace autonorm::server {
namespace {

using engine::RequestId;
using std::chrono::milliseconds;

constexpr size_t kQueueLimit = 65'536;  // events; post() waits when the queue is full
constexpr size_t kBatchLimit = 4'096;   // events per transaction
constexpr milliseconds kTick{500};
constexpr milliseconds kStallWorthNoting{1'000};  // beyond the tick's period
constexpr milliseconds kCommitRetry{250};

void end_process(const Status& status) {
  log_error("the coordinator cannot go on: ", status.message());
  std::_Exit(1);
}

std::vector<std::string> failure_lines(const store::AttemptEnd& failure) {
  std::string how = cat("  attempt ", failure.attempt, " ended: ", failure.end);
  if (failure.signal != 0) how += cat(", ", signal_name(failure.signal));
  if (failure.exit_code != 0) how += cat(", exit code ", failure.exit_code);
  if (failure.step > 0) how += cat(", at step ", failure.step);
  std::vector<std::string> lines{std::move(how)};
  if (failure.log_tail.empty()) return lines;
  lines.push_back(
      cat("  the last ", failure.log_tail.size(), failure.log_tail.size() == 1 ? " line" : " lines", " of its log:"));
  for (const std::string& line : failure.log_tail) lines.push_back("    | " + line);
  return lines;
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
                 .limits = options.limits}) {
    if (!on_fatal_) on_fatal_ = end_process;
  }

  ~Loop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    room_.notify_all();
    if (thread_.joinable()) thread_.join();
    abandon_callers();
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

  void post(engine::EngineEvent event) override { enqueue(Item{.event = std::move(event), .task = {}, .arrival = {}}); }

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
  std::vector<engine::WorkerView> workers() override {
    return ask<std::vector<engine::WorkerView>>([this](Now now) { return engine_.workers(now); });
  }
  Result<std::vector<std::string>> explain(const std::string& prefix) override {
    using Lines = Result<std::vector<std::string>>;
    return ask<Lines>([this, prefix](Now now) { return explanation(prefix, now); }, Lines(stopped()));
  }
  std::set<TrialId> finished_trials() override {
    return ask<std::set<TrialId>>([this](Now) { return engine_.finished_trials(); });
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
  using Task = std::function<void(Now)>;
  struct Item {
    std::optional<engine::EngineEvent> event;  // or a task
    Task task;
    Now arrival;
  };
  template <class Reply>
  using Callers = std::unordered_map<RequestId, std::promise<Reply>>;

  static Status stopped() { return unavailable("the coordinator is stopping; try again when it is back"); }

  // False when the loop is stopping: nothing will come of the item.
  bool enqueue(Item item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return queue_.size() < kQueueLimit || stopping_; });
    if (stopping_) return false;
    item.arrival = clock_.now();  // under the lock: the queue's times never go back
    queue_.push_back(std::move(item));
    wake_.notify_one();
    return true;
  }

  template <class Event, class Reply>
  Reply call(Event event, Callers<Reply>& callers) {
    std::future<Reply> future;
    {
      const std::lock_guard lock(mutex_);
      event.request = ++last_request_;
      future = callers[event.request].get_future();
    }
    const RequestId request = event.request;
    if (!enqueue(Item{.event = std::move(event), .task = {}, .arrival = {}})) {
      answer(callers, Reply{.request = request, .status = stopped()});
    }
    return future.get();
  }

  template <class Reply>
  void answer(Callers<Reply>& callers, Reply reply) {
    std::unique_lock lock(mutex_);
    const auto it = callers.find(reply.request);
    if (it == callers.end()) return;  // nobody waits: a submission that the loop itself took up again
    std::promise<Reply> promise = std::move(it->second);
    callers.erase(it);
    lock.unlock();
    promise.set_value(std::move(reply));
  }

  template <class View>
  View ask(std::function<View(Now)> take, View without = {}) {
    auto promise = std::make_shared<std::promise<View>>();
    std::future<View> future = promise->get_future();
    Item item;
    item.task = [promise, take = std::move(take)](Now now) { promise->set_value(take(now)); };
    if (!enqueue(std::move(item))) return without;
    item.task = nullptr;
    promise.reset();
    try {
      return future.get();
    } catch (const std::future_error&) {  // the loop stopped with the question in its queue
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
      std::deque<Item> items = drain(more);
      if (stopping_) return;
      more = step(items);
    }
  }

  // Up to a batch of items; waits for the first one until the next tick, unless there is other work.
  std::deque<Item> drain(bool busy) {
    std::unique_lock lock(mutex_);
    if (!busy) wake_.wait_for(lock, kTick, [this] { return !queue_.empty() || stopping_; });
    std::deque<Item> items;
    while (!queue_.empty() && items.size() < kBatchLimit) {
      items.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    drained_ = queue_.empty();
    room_.notify_all();
    return items;
  }

  // Decide → commit → send → reply, then the questions. True when there is more to do without waiting.
  bool step(std::deque<Item>& items) {
    for (const Item& item : items) {
      if (item.event) engine_.apply(*item.event, item.arrival);
    }
    const Now now = clock_.now();
    // Leases expire only when every message that has arrived was heard.
    if (drained_ && now.steady - last_tick_ >= kTick) tick(now);
    const bool more = engine_.continue_submissions(now);
    engine_.schedule(now);
    if (!carry_out(engine_.take())) return false;
    for (Item& item : items) {
      if (item.task) item.task(clock_.now());
    }
    return more || !drained_;
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
      answer_questions();
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kCommitRetry, [this] { return stopping_.load(); });
      if (stopping_) return false;
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

  void answer_questions() {
    std::vector<Task> tasks;
    {
      const std::lock_guard lock(mutex_);
      std::deque<Item> rest;
      for (Item& item : queue_) {
        if (item.task) {
          tasks.push_back(std::move(item.task));
        } else {
          rest.push_back(std::move(item));
        }
      }
      queue_ = std::move(rest);
    }
    room_.notify_all();
    for (const Task& task : tasks) task(clock_.now());
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
    answer(submit_callers_, std::move(reply));
  }
  void deliver(engine::ActReply& reply) { answer(act_callers_, std::move(reply)); }

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

  void abandon_callers() {
    for (auto& [request, promise] : submit_callers_) promise.set_value({.request = request, .status = stopped()});
    for (auto& [request, promise] : act_callers_) promise.set_value({.request = request, .status = stopped()});
  }

  store::Store& store_;
  Transport& transport_;
  const Clock& clock_;
  std::function<void(const Status&)> on_fatal_;
  const int64_t epoch_;

  // of the thread alone
  engine::Engine engine_;
  SteadyTime last_tick_{};
  bool drained_ = true;

  std::mutex mutex_;  // protects what follows
  std::condition_variable wake_, room_;
  std::deque<Item> queue_;
  RequestId last_request_ = 0;
  Callers<engine::SubmitReply> submit_callers_;
  Callers<engine::ActReply> act_callers_;
  std::optional<std::string> trouble_;
  std::atomic<bool> stopping_ = false;

  std::thread thread_;
};

}  // namespace

engine::FreezeConfig config_freezer(std::shared_ptr<const config::Sweep> sweep) {
  return [sweep = std::move(sweep), common = static_cast<const config::TrialConfig*>(nullptr),
          frozen = std::shared_ptr<const engine::FrozenConfig>()](size_t trial) mutable {
    const config::TrialConfig* wanted = sweep->trials.at(trial).common.get();
    if (std::exchange(common, wanted) == wanted) return frozen;
    nlohmann::json json = config::resolved(*wanted);
    json.erase("seed");
    json.erase("inputs");
    std::string text = json.dump();
    Sha256 hash = sha256(text);
    frozen = std::make_shared<const engine::FrozenConfig>(engine::FrozenConfig{std::move(hash), std::move(text)});
    return frozen;
  };
}

std::unique_ptr<EngineLoop> start_engine_loop(store::Store& store, Transport& transport, const Clock& clock,
                                              EngineLoopOptions options) {
  auto loop = std::make_unique<Loop>(store, transport, clock, std::move(options));
  loop->start();
  return loop;
}

}  // namespace autonorm::server
