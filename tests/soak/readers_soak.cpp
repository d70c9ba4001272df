// T20: 32 readers watch and report while workers deliver results as fast as they can. No reader sees an error and
// nothing is lost; with --full acknowledgements are quick and results come at the rate of the specification, unless
// other programs take their share of the machine. --count N: results; cells have five
// seeds each.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/base/text.h"
#include "tests/soak/loaded_server.h"
#include "tests/soak/soak_program.h"
#include "tests/support/fake_fleet.h"
#include "tests/support/other_programs.h"
#include "tests/support/percentile.h"

namespace autonorm::soak {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kWatchers = 28, kReporters = 4;
constexpr int kWorkers = 4, kSlots = 16;  // a slot has at most one result per commit, so the disk's syncs bound them
constexpr int kPoints = 1, kSeeds = 5;
constexpr double kResultsPerSecond = 5000, kAckWithinMs = 50;
constexpr double kBusyMachine = 0.1;  // share of other programs at which times say nothing about us
constexpr std::chrono::seconds kPatience{600};

// Follows the newest sweep, again and again until end(). By callbacks: a thread that waits in a call of gRPC's is lent
// out to every connection of the process, those of server and fleet too, which no reader of another process does.
class Watcher {
 public:
  using Note = std::function<void(const grpc::Status&)>;

  Watcher(std::unique_ptr<v1::Control::Stub> stub, Note note) : stub_(std::move(stub)), note_(std::move(note)) {
    const std::lock_guard lock(mutex_);
    begin();
  }
  ~Watcher() { end(); }
  void end() {
    std::unique_lock lock(mutex_);
    ending_ = true;
    if (stream_) stream_->context.TryCancel();
    over_.wait(lock, [this] { return !stream_; });
  }
  int64_t updates() const { return updates_; }

 private:
  struct Stream final : grpc::ClientReadReactor<v1::WatchUpdate> {
    explicit Stream(Watcher& owner) : watcher(owner) {}
    void OnReadDone(bool ok) override {
      if (!ok) return;
      ++watcher.updates_;
      StartRead(&update);
    }
    void OnDone(const grpc::Status& status) override { watcher.ended(status); }

    Watcher& watcher;
    grpc::ClientContext context;
    v1::WatchRequest question = request<v1::WatchRequest>();
    v1::WatchUpdate update;
  };

  void begin() {
    stream_ = std::make_unique<Stream>(*this);
    stub_->async()->Watch(&stream_->context, &stream_->question, stream_.get());
    stream_->StartRead(&stream_->update);
    stream_->StartCall();
  }
  void ended(const grpc::Status& status) {
    note_(status);
    const std::lock_guard lock(mutex_);
    stream_.reset();
    if (!ending_) return begin();
    over_.notify_all();
  }

  const std::unique_ptr<v1::Control::Stub> stub_;
  const Note note_;
  std::atomic<int64_t> updates_{0};
  std::mutex mutex_;
  std::condition_variable over_;
  bool ending_ = false;             // guarded by mutex_
  std::unique_ptr<Stream> stream_;  // guarded by mutex_; null: ended, for good
};

// Follow or report until all results are there.
class Readers {
 public:
  explicit Readers(const LoadedServer& server) {
    for (int i = 0; i < kWatchers; ++i) {
      watchers_.push_back(
          std::make_unique<Watcher>(server.stub(), [this](const grpc::Status& status) { note(status); }));
    }
    for (int i = 0; i < kReporters; ++i) threads_.emplace_back([this, stub = server.stub()] { report(*stub); });
  }
  ~Readers() { end(); }
  void end() {
    ending_ = true;
    for (const auto& watcher : watchers_) watcher->end();
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  int64_t updates() const {
    return std::accumulate(watchers_.begin(), watchers_.end(), int64_t{0},
                           [](int64_t sum, const auto& watcher) { return sum + watcher->updates(); });
  }
  int64_t reports() const { return reports_; }
  std::vector<std::string> errors;  // after end()

 private:
  void report(v1::Control::Stub& stub) {
    while (!ending_) {
      grpc::ClientContext context;
      auto question = request<v1::ReportRequest>();
      question.set_format("json");
      v1::ReportReply reply;
      note(stub.Report(&context, question, &reply));
      ++reports_;
    }
  }
  void note(const grpc::Status& status) {
    if (status.ok() || ending_) return;
    const std::lock_guard lock(mutex_);
    errors.push_back(status.error_message());
  }

  std::atomic<bool> ending_{false};
  std::atomic<int64_t> reports_{0};
  std::mutex mutex_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  std::vector<std::thread> threads_;
};

struct Times {
  double seconds = 0, ack_p99_ms = 0, others = 0;
};

void judge(const Times& times, int64_t results, std::vector<std::string>& failures) {
  if (times.others > kBusyMachine) return;
  const double rate = static_cast<double>(results) / times.seconds;
  if (rate < kResultsPerSecond) failures.push_back(cat("results came at ", rate, "/s"));
  if (times.ack_p99_ms > kAckWithinMs) failures.push_back(cat("ack p99 was ", times.ack_p99_ms, " ms"));
}

Outcome run(const Options& options) {
  Outcome outcome;
  LoadedServer server;
  const int64_t pairs = (options.count + 2 * kSeeds - 1) / (2 * kSeeds), results = 2 * kSeeds * pairs;
  server.submit(results, 2 * pairs);
  Readers readers(server);
  Times times;
  {
    const testing::OtherPrograms others;
    const auto began = SteadyClock::now();
    testing::FakeFleet fleet({.address = server.address(),
                              .workers = kWorkers,
                              .ranks = kSlots,
                              .connections = kWorkers,
                              .points = kPoints});
    const bool all = fleet.wait_trials(results, SteadyClock::now() + kPatience);
    times.seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
    times.others = others.share();
    const std::vector<double> acks = fleet.take_latencies();
    times.ack_p99_ms = 1e3 * testing::percentile(acks, 0.99);
    if (!all) outcome.failures.push_back(cat("only ", server.trials_in(TrialState::kSucceeded), " results arrived"));
    if (std::ssize(acks) != results) outcome.failures.push_back(cat(acks.size(), " acknowledgements of ", results));
    if (fleet.lost() > 0) outcome.failures.push_back(cat(fleet.lost(), " sessions were lost"));
  }
  readers.end();
  if (server.trials_in(TrialState::kSucceeded) != results) outcome.failures.push_back("a result is lost");
  for (const auto& error : readers.errors) outcome.failures.push_back(cat("a reader saw: ", error));
  if (readers.updates() == 0 || readers.reports() == 0) outcome.failures.push_back("nothing was read");
  if (options.full) judge(times, results, outcome.failures);
  outcome.counts =
      cat(results, " results at ", static_cast<int64_t>(static_cast<double>(results) / times.seconds), "/s beside ",
          kWatchers, " watchers (", readers.updates(), " updates) and ", kReporters, " reporters (", readers.reports(),
          " reports), ", readers.errors.size(), " errors, ack p99 ", static_cast<int64_t>(times.ack_p99_ms),
          " ms; other programs used ", static_cast<int64_t>(100 * times.others), " % of the processors",
          times.others > kBusyMachine ? " (too busy to judge times)" : "");
  return outcome;
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T20 readers while results arrive", autonorm::soak::run);
}
