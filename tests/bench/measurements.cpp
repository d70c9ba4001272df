#include "tests/bench/measurements.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "coordinator/report/words.h"
#include "core/base/text.h"
#include "tests/bench/coordinator_process.h"
#include "tests/bench/scheduling.h"
#include "tests/support/fake_fleet.h"
#include "tests/support/percentile.h"

namespace autonorm::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kWorkers = 4;
constexpr int kRanks = 8;  // slots of each of them in the measurement of throughput
constexpr double kMegabyte = 1e6;

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

double p99(std::vector<double> values) {
  if (values.empty()) throw std::runtime_error("nothing was measured: no call or event was answered");
  return testing::percentile(std::move(values), 0.99);
}

testing::FleetOptions fleet_of(const std::string& address, int ranks, testing::Conduct conduct) {
  return {.address = address, .workers = kWorkers, .ranks = ranks, .connections = kWorkers, .conduct = conduct};
}

template <class T>
T expect(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return *std::move(result);
}

// variants × columns × seeds trials that no sweep with another `smoothing` shares.
config::SweepSource sweep_source(const std::string& name, const Sizes& sizes, double smoothing) {
  constexpr int kRates = 50;
  std::string rates, warmups, variants;
  for (int i = 0; i < std::min(kRates, sizes.columns); ++i) rates += cat(i == 0 ? "" : ", ", 0.0001 * (i + 1));
  for (int i = 0; i < std::max(1, sizes.columns / kRates); ++i) warmups += cat(i == 0 ? "" : ", ", 0.001 * i);
  for (int i = 0; i < sizes.variants; ++i) {
    variants += cat("[[variant]]\nname = \"v", i, "\"\ntrain = { weight_decay = ", 0.01 * i, " }\n");
  }
  const std::string text =
      cat("[sweep]\nname = \"", name, "\"\nquestion = \"?\"\nbaseline = \"v0\"\nmetric = \"test/accuracy\"\n",
          "seeds = { count = ", sizes.seeds, " }\n[base]\ndata = { name = \"digits\" }\n",
          "model = { family = \"vit\", dim = 16, depth = 1, heads = 2 }\n",
          "train = { epochs = 1, label_smoothing = ", smoothing, " }\n[matrix]\n\"train.lr\" = [", rates,
          "]\n\"train.warmup\" = [", warmups, "]\n", variants);
  return {.root = name + ".toml", .files = {{name + ".toml", text}}};
}

// Calls that people make, one after the other, until it goes; how long each took.
class OtherCalls {
 public:
  explicit OtherCalls(const CoordinatorProcess& coordinator)
      : client_(coordinator.client()), thread_([this] { call(); }) {}
  ~OtherCalls() { stop(); }

  std::vector<double> stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    if (!failure_.empty()) throw std::runtime_error(failure_);
    return std::move(seconds_);
  }

 private:
  void call() {
    for (int i = 0; !stopping_ && failure_.empty(); ++i) {
      const auto begin = steady_clock::now();
      const Status status = i % 3 == 0   ? client_->sweeps().status()
                            : i % 3 == 1 ? client_->workers().status()
                                         : client_->info().status();
      if (!status.ok()) failure_ = status.message();
      seconds_.push_back(seconds_since(begin));
    }
  }

  std::unique_ptr<cli::ControlClient> client_;
  std::atomic<bool> stopping_ = false;
  std::vector<double> seconds_;
  std::string failure_;
  std::thread thread_;
};

// The stories on one state directory share it and the numbers.
class Sweeps {
 public:
  explicit Sweeps(const Setting& setting) : setting_(setting), state_(setting.folder / "sweeps") { start(); }

  Numbers run() {
    submit("first", 0.01, "100k");
    restart("queued");
    trials_one_slot();
    trials_many_slots();
    report();
    restart("finished");
    idle();
    submit("second", 0.02, "200k");
    return std::move(numbers_);
  }

 private:
  void start() { coordinator_ = std::make_unique<CoordinatorProcess>(setting_.program, state_); }
  int64_t count() const {
    return static_cast<int64_t>(setting_.sizes.variants) * setting_.sizes.columns * setting_.sizes.seeds;
  }

  int64_t succeeded() const {
    const auto sweeps = expect(coordinator_->client()->sweeps());
    const auto& counts = sweeps.front().counts;
    const auto found = counts.find(TrialState::kSucceeded);
    return found == counts.end() ? 0 : found->second;
  }

  void submit(const std::string& name, double smoothing, const std::string& total) {
    const auto client = coordinator_->client();
    const config::SweepSource source = sweep_source(name, setting_.sizes, smoothing);
    OtherCalls others(*coordinator_);
    const auto begin = steady_clock::now();
    const auto reply = expect(client->submit(source, false, name));
    const double seconds = seconds_since(begin);
    const double others_p99 = p99(others.stop());
    if (reply.new_trials != count())
      throw std::runtime_error(cat("the sweep has ", reply.new_trials, " new trials instead of ", count()));
    const bool second = name == "second";
    if (!second) {
      numbers_.push_back({.name = "submit",
                          .value = seconds,
                          .unit = "s",
                          .target = 3,
                          .direction = Direction::kAtMost,
                          .beside = Beside::kRpcs,
                          .note = cat(count(), " trials")});
      numbers_.push_back({.name = "calls_during_submit_p99",
                          .value = others_p99 * 1e3,
                          .unit = "ms",
                          .target = 100,
                          .direction = Direction::kAtMost,
                          .beside = Beside::kRpcs});
    }
    memory(cat("rss_peak_", total), second);
    memory_now(cat("rss_steady_", total), second);
  }

  void memory(const std::string& name, bool judged) {
    numbers_.push_back({.name = name,
                        .value = coordinator_->memory().peak / kMegabyte,
                        .unit = "MB",
                        .target = judged ? std::optional<double>(200) : std::nullopt,
                        .direction = Direction::kAtMost});
  }
  void memory_now(const std::string& name, bool judged) {
    numbers_.push_back({.name = name,
                        .value = coordinator_->memory().now / kMegabyte,
                        .unit = "MB",
                        .target = judged ? std::optional<double>(200) : std::nullopt,
                        .direction = Direction::kAtMost});
  }

  // kill -9, then from the start of the process to its first answer.
  void restart(const std::string& what) {
    coordinator_.reset();
    const auto begin = steady_clock::now();
    start();
    expect(coordinator_->client()->sweeps());
    numbers_.push_back({.name = "restart_" + what,
                        .value = seconds_since(begin),
                        .unit = "s",
                        .target = 1,
                        .direction = Direction::kAtMost,
                        .beside = Beside::kRpcs,
                        .note = cat(count(), " trials ", what)});
  }

  // One trial at a time per worker: what the disk's syncs bound, at most one trial of each worker per sync.
  void trials_one_slot() {
    testing::FakeFleet fleet(fleet_of(coordinator_->address(), 1, testing::Conduct::kDeliver));
    const auto begin = steady_clock::now();
    fleet.wait_trials(count() / 4, begin + setting_.sizes.span);
    numbers_.push_back({.name = "noop_trials_4_slots",
                        .value = static_cast<double>(fleet.trials()) / seconds_since(begin),
                        .unit = "trials/s",
                        .beside = Beside::kFsyncs,
                        .note = "4 workers of 1 slot"});
  }

  void trials_many_slots() {
    const int64_t left = count() - succeeded();
    const auto begin = steady_clock::now();
    testing::FakeFleet fleet(fleet_of(coordinator_->address(), kRanks, testing::Conduct::kDeliver));
    if (!fleet.wait_trials(left, begin + std::chrono::minutes(5))) throw std::runtime_error("the trials did not end");
    numbers_.push_back({.name = "noop_trials",
                        .value = static_cast<double>(left) / seconds_since(begin),
                        .unit = "trials/s",
                        .target = 5'000,
                        .beside = Beside::kRpcs,
                        .note = cat("4 workers of ", kRanks, " slots, ", left, " trials")});
    memory_now("rss_after_trials", false);
  }

  void report() {
    const auto client = coordinator_->client();
    for (const auto format : {report::Format::kCsv, report::Format::kText}) {
      const auto begin = steady_clock::now();
      const std::string text = expect(client->report("first", {.format = format}));
      const double seconds = seconds_since(begin);
      if (text.size() < static_cast<size_t>(setting_.sizes.columns)) throw std::runtime_error("the report is empty");
      numbers_.push_back(
          {.name = cat("report_", report::word_of(report::kFormatWords, format)),
           .value = seconds,
           .unit = "s",
           .target = 1,
           .direction = Direction::kAtMost,
           .beside = Beside::kRpcs,
           .note = cat(setting_.sizes.variants * setting_.sizes.columns, " cells x ", setting_.sizes.seeds, " seeds")});
    }
  }

  // Nothing to do, four workers connected.
  void idle() {
    testing::FakeFleet fleet(fleet_of(coordinator_->address(), 1, testing::Conduct::kIdle));
    const auto begin = steady_clock::now();
    const auto used = coordinator_->cpu_time();
    fleet.run_until(begin + setting_.sizes.span);
    const double share = (coordinator_->cpu_time() - used).count() / seconds_since(begin);
    numbers_.push_back({.name = "idle_cpu",
                        .value = share * 100,
                        .unit = "%",
                        .target = 1,
                        .direction = Direction::kAtMost,
                        .note = "of one core, 4 workers connected"});
  }

  const Setting& setting_;
  const std::filesystem::path state_;
  std::unique_ptr<CoordinatorProcess> coordinator_;
  Numbers numbers_;
};

// Points per second that are acknowledged, and how long that took at the 99th percentile, in ms.
struct Flow {
  double rate = 0, p99_ms = 0;
};
Flow flow(const std::string& address, const testing::MetricLoad& load, std::chrono::milliseconds span) {
  testing::FleetOptions options = fleet_of(address, 1, testing::Conduct::kMetrics);
  options.load = load;
  testing::FakeFleet fleet(options);
  fleet.run_until(steady_clock::now() + span / 5);  // trials arrive, files grow
  fleet.take_latencies();
  const auto begin = steady_clock::now();
  const int64_t before = fleet.points();
  fleet.run_until(begin + span);
  const double rate = static_cast<double>(fleet.points() - before) / seconds_since(begin);
  return {.rate = rate, .p99_ms = p99(fleet.take_latencies()) * 1e3};
}

Number decision(const std::string& name, double nanoseconds) {
  return {.name = name, .value = nanoseconds, .unit = "ns"};
}

}  // namespace

Sizes tiny() {
  return {.variants = 2,
          .columns = 50,
          .seeds = 2,
          .span = std::chrono::milliseconds(300),
          .calibration = std::chrono::milliseconds(50),
          .most_queued = 1'000,
          .most_workers = 100,
          .decisions = 100};
}

Numbers measure_sweeps(const Setting& setting) { return Sweeps(setting).run(); }

// As many cells, whose trials recorded what real ones record: initial values, origins, a dozen metrics.
Numbers measure_full_reports(const Setting& setting) {
  const CoordinatorProcess coordinator(setting.program, setting.folder / "full-reports");
  const auto client = coordinator.client();
  const int64_t trials = expect(client->submit(sweep_source("full", setting.sizes, 0.03), false, "full")).new_trials;
  testing::FleetOptions options = fleet_of(coordinator.address(), kRanks, testing::Conduct::kDeliver);
  options.full_results = true;
  const auto begin = steady_clock::now();
  testing::FakeFleet fleet(options);
  if (!fleet.wait_trials(trials, begin + std::chrono::minutes(10))) throw std::runtime_error("the trials did not end");
  Numbers numbers = {{.name = "full_results",
                      .value = static_cast<double>(trials) / seconds_since(begin),
                      .unit = "trials/s",
                      .note = "12 metrics, 9 facts and 80 initial hashes each"}};
  for (const auto format : {report::Format::kCsv, report::Format::kText}) {
    const auto asked = steady_clock::now();
    const std::string text = expect(client->report("full", {.format = format}));
    if (text.size() < static_cast<size_t>(setting.sizes.columns)) throw std::runtime_error("the report is empty");
    numbers.push_back({.name = cat("report_full_", report::word_of(report::kFormatWords, format)),
                       .value = seconds_since(asked),
                       .unit = "s",
                       .direction = Direction::kAtMost,
                       .note = cat(text.size() / 1'000'000, " MB")});
  }
  numbers.push_back({.name = "rss_peak_full_reports",
                     .value = coordinator.memory().peak / kMegabyte,
                     .unit = "MB",
                     .direction = Direction::kAtMost});
  return numbers;
}

Numbers measure_metrics(const Setting& setting) {
  using namespace std::chrono_literals;
  const CoordinatorProcess coordinator(setting.program, setting.folder / "metrics");
  Sizes small = tiny();
  small.seeds = 1;
  expect(coordinator.client()->submit(sweep_source("metrics", small, 0), false, "metrics"));
  // 250 points each 20 ms of 4 workers: what is asked for. Then as many as go through.
  const Flow asked = flow(coordinator.address(), {.points = 250, .period = 19'000us, .window = 64}, setting.sizes.span);
  const Flow most = flow(coordinator.address(), {.points = 500, .period = 0us, .window = 4}, setting.sizes.span);
  return {{.name = "metric_points",
           .value = asked.rate,
           .unit = "points/s",
           .target = 50'000,
           .beside = Beside::kRpcs,
           .note = "offered: 52600"},
          {.name = "metric_ack_p99",
           .value = asked.p99_ms,
           .unit = "ms",
           .target = 50,
           .direction = Direction::kAtMost,
           .beside = Beside::kFsyncs},
          {.name = "metric_points_most",
           .value = most.rate,
           .unit = "points/s",
           .beside = Beside::kRpcs,
           .note = cat("4 unacknowledged events of 500 per worker, ack p99 ", static_cast<int>(most.p99_ms), " ms")}};
}

// A trial of 9 slots is the next one, and for one that becomes free another trial has to be found behind it.
void measure_behind_gang(const Sizes& sizes, Numbers& numbers) {
  constexpr int kGang = 9;
  const auto cost = [&](int64_t queued, int workers) {
    return decision_cost(queued, workers, sizes.decisions, kGang).schedule_ns;
  };
  const double few = cost(100, 10), many = cost(sizes.most_queued, sizes.most_workers);
  numbers.push_back(decision("decision_behind_gang_100_queued_10_workers", few));
  numbers.push_back(
      decision(cat("decision_behind_gang_", sizes.most_queued, "_queued_", sizes.most_workers, "_workers"), many));
  numbers.push_back({.name = "decision_behind_gang_growth",
                     .value = many / few,
                     .unit = "x",
                     .target = 4,
                     .direction = Direction::kAtMost,
                     .note = cat("a blocked gang of ", kGang, " slots at the head")});
}

Numbers measure_scheduling(const Setting& setting) {
  const Sizes& sizes = setting.sizes;
  Numbers numbers;
  double smallest = 0, largest = 0;
  for (const int workers : {10, 100, sizes.most_workers}) {
    for (int64_t queued = 100; queued <= sizes.most_queued; queued *= 10) {
      const DecisionCost cost = decision_cost(queued, workers, sizes.decisions);
      numbers.push_back(decision(cat("decision_", queued, "_queued_", workers, "_workers"), cost.schedule_ns));
      numbers.back().note = cat("a whole turn ", static_cast<int64_t>(cost.turn_ns), " ns");
      if (smallest == 0) smallest = cost.schedule_ns;
      largest = cost.schedule_ns;
    }
  }
  numbers.push_back(
      {.name = "decision_growth",
       .value = largest / smallest,
       .unit = "x",
       .target = 4,
       .direction = Direction::kAtMost,
       .note = cat(sizes.most_queued, " queued and ", sizes.most_workers, " workers against 100 and 10")});
  measure_behind_gang(sizes, numbers);
  return numbers;
}

double rate_of(Beside beside, const Calibration& calibration) {
  switch (beside) {
    case Beside::kNothing:
      return 0;
    case Beside::kFsyncs:
      return calibration.fsyncs;
    case Beside::kRpcs:
      return calibration.rpcs;
    case Beside::kSpawns:
      return calibration.spawns;
  }
  return 0;
}

std::optional<double> ratio(const Number& number, const Calibration& calibration) {
  if (number.beside == Beside::kNothing) return std::nullopt;
  const double seconds = number.unit == "ms" ? number.value / 1e3 : number.value;
  return (number.direction == Direction::kAtMost ? 1 / seconds : number.value) / rate_of(number.beside, calibration);
}

bool meets(const Number& number) {
  if (!number.target) return true;
  return number.direction == Direction::kAtLeast ? number.value >= *number.target : number.value <= *number.target;
}

}  // namespace autonorm::bench
