#include "tests/bench/scheduling.h"

#include <chrono>
#include <deque>
#include <memory>
#include <stdexcept>

#include "coordinator/engine/engine.h"
#include "core/base/sha256.h"

namespace autonorm::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kRanksPerWorld = 16;

config::Sweep sweep_of(const std::string& name, int64_t trials, int ranks) {
  config::Sweep sweep;
  sweep.name = name;
  sweep.variants = {"A"};
  sweep.content = sha256(sweep.name);
  const auto labels = std::make_shared<const config::CellLabels>(config::CellLabels{{"data.name", "digits"}});
  config::TrialConfig config;
  config.ranks = ranks;
  const auto common = std::make_shared<const config::TrialConfig>(config);
  for (int64_t i = 0; i < trials; ++i) {
    config::PlannedTrial trial;
    trial.id = TrialId(sha256(cat(name, "/", i)).value());
    trial.common = common;
    trial.seed = static_cast<uint64_t>(i);
    sweep.cells.push_back({"A", labels, trial.seed, sweep.trials.size()});
    sweep.trials.push_back(std::move(trial));
  }
  return sweep;
}

// The engine and workers that answer at once.
class Bench {
 public:
  Bench(int64_t queued, int workers, int gang) : engine_({.secret = "bench"}) {
    for (int i = 0; i < workers; ++i) connect(i);
    submit(sweep_of("first", workers, 1), 0);
    engine_.schedule(now());
    collect();
    if (gang > 1) submit(sweep_of("gang", 1, gang), 1);
    submit(sweep_of("queued", queued, 1), 0);
    if (std::cmp_not_equal(running_.size(), workers)) throw std::runtime_error("not every worker got a trial");
  }

  DecisionCost measure(int64_t decisions) {
    steady_clock::duration scheduling{}, turns{};
    for (int64_t i = 0; i < decisions; ++i) {
      const Running next = running_.front();
      running_.pop_front();
      const auto begin = steady_clock::now();
      finish(next);
      const auto decided = steady_clock::now();
      engine_.schedule(now());
      const auto scheduled = steady_clock::now();
      const engine::Batch batch = engine_.take();
      turns += steady_clock::now() - begin;
      scheduling += scheduled - decided;
      if (keep(batch) != 1) throw std::runtime_error("a free worker got no trial");
    }
    return {.schedule_ns = mean_ns(scheduling, decisions), .turn_ns = mean_ns(turns, decisions)};
  }

 private:
  struct Running {
    SessionId session;
    fleet::AttemptKey key;
  };

  static double mean_ns(steady_clock::duration sum, int64_t count) {
    return std::chrono::duration<double, std::nano>(sum).count() / static_cast<double>(count);
  }
  static Now now() { return SystemClock().now(); }

  void connect(int i) {
    fleet::Hello hello;
    hello.worker = WorkerId(cat("worker-", i));
    hello.incarnation = 1;
    hello.mpi_world = cat("world-", i / kRanksPerWorld);
    hello.mpi_rank = i % kRanksPerWorld;
    hello.mpi_size = kRanksPerWorld;
    hello.host = cat("host-", i / kRanksPerWorld);
    engine_.apply(engine::WorkerHello{SessionId(i + 1), hello}, now());
  }

  void submit(config::Sweep sweep, int64_t priority) {
    sweep.priority = priority;
    engine::SubmitSweep event;
    event.sweep = std::make_shared<const config::Sweep>(std::move(sweep));
    const auto config = std::make_shared<const engine::FrozenConfig>(engine::FrozenConfig{sha256("{}"), "{}"});
    event.freeze = [config](size_t) { return config; };
    engine_.apply(event, now());
    while (engine_.continue_slices(now())) engine_.take();
  }

  void finish(const Running& running) {
    const auto say = [&](fleet::ToCoordinator message) {
      engine_.apply(engine::WorkerMessage{running.session, std::move(message)}, now());
    };
    say(fleet::Event{running.key, Seq(1), fleet::Ready{"joined", ""}});
    fleet::Finished finished;
    finished.results = {{"test/accuracy", 0.5}};
    say(fleet::Event{running.key, Seq(2), finished});
    say(fleet::SlotFree{running.key});
  }

  void collect() { keep(engine_.take()); }

  int64_t keep(const engine::Batch& batch) {
    int64_t starts = 0;
    for (const engine::Outgoing& message : batch.outbox) {
      const auto* to = std::get_if<engine::ToSession>(&message);
      const auto* start = to ? std::get_if<fleet::Start>(&to->message) : nullptr;
      if (!start) continue;
      running_.push_back({to->session, start->key});
      ++starts;
    }
    return starts;
  }

  engine::Engine engine_;
  std::deque<Running> running_;
};

}  // namespace

DecisionCost decision_cost(int64_t queued, int workers, int64_t decisions, int gang) {
  Bench bench(queued + decisions, workers, gang);
  return bench.measure(decisions);
}

}  // namespace autonorm::bench
