// T20: 32 readers watch and report while workers deliver results as fast as they can. No reader sees an error, and
// acknowledgements stay quick. --count N: results; an even number.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/text.h"
#include "tests/soak/loaded_server.h"
#include "tests/soak/soak_program.h"
#include "tests/support/fake_fleet.h"
#include "tests/support/percentile.h"

namespace autonorm::soak {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kWatchers = 28, kReporters = 4;
constexpr int kWorkers = 16, kPoints = 5;
constexpr double kAckWithinMs = 50;
constexpr double kBusyMachineMs = 10;  // a thread that asks for 1 ms and gets so much more says nothing about us
constexpr std::chrono::seconds kPatience{600};

// Follows or reports, again and again, until all results are there.
class Readers {
 public:
  explicit Readers(const LoadedServer& server) {
    for (int i = 0; i < kWatchers; ++i) threads_.emplace_back([this, stub = server.stub()] { watch(*stub); });
    for (int i = 0; i < kReporters; ++i) threads_.emplace_back([this, stub = server.stub()] { report(*stub); });
  }
  ~Readers() { end(); }
  void end() {
    ending_ = true;
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  int64_t updates() const { return updates_; }
  int64_t reports() const { return reports_; }
  std::vector<std::string> errors;  // after end()

 private:
  void watch(v1::Control::Stub& stub) {
    while (!ending_) {
      grpc::ClientContext context;
      const auto stream = stub.Watch(&context, request<v1::WatchRequest>());
      v1::WatchUpdate update;
      while (stream->Read(&update)) {
        ++updates_;
        if (ending_) context.TryCancel();
      }
      note(stream->Finish());
    }
  }
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
  std::atomic<int64_t> updates_{0}, reports_{0};
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

// How late a thread of this process wakes up while all this goes on, in ms.
class WakeUps {
 public:
  WakeUps() : thread_(&WakeUps::run, this) {}
  ~WakeUps() { p99(); }
  double p99() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
    return testing::percentile(late_ms_, 0.99);
  }

 private:
  void run() {
    while (!ending_) {
      const auto began = SteadyClock::now();
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable().wait_for(lock, std::chrono::milliseconds(1));
      late_ms_.push_back(std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count() - 1);
    }
  }

  std::atomic<bool> ending_{false};
  std::vector<double> late_ms_;
  std::thread thread_;
};

Outcome run(const Options& options) {
  Outcome outcome;
  LoadedServer server;
  const int64_t results = options.count + options.count % 2;
  server.submit(results);
  Readers readers(server);
  WakeUps wake_ups;
  const auto began = SteadyClock::now();
  double seconds = 0;
  std::vector<double> ack_ms;
  {
    testing::FakeFleet fleet({.address = server.address(), .workers = kWorkers, .points = kPoints});
    const bool all = fleet.wait_trials(results, SteadyClock::now() + kPatience);
    seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
    if (!all) outcome.failures.push_back(cat("only ", server.trials_in(TrialState::kSucceeded), " results arrived"));
    ack_ms = fleet.take_latencies();
    for (double& span : ack_ms) span *= 1e3;
    if (fleet.lost() > 0) outcome.failures.push_back(cat(fleet.lost(), " sessions were lost"));
  }
  readers.end();
  const double late = wake_ups.p99();
  const double ack = testing::percentile(ack_ms, 0.99);
  if (std::ssize(ack_ms) != results) outcome.failures.push_back(cat(ack_ms.size(), " acknowledgements of ", results));
  if (ack > kAckWithinMs && late < kBusyMachineMs) outcome.failures.push_back(cat("ack p99 was ", ack, " ms"));
  for (const auto& error : readers.errors) outcome.failures.push_back(cat("a reader saw: ", error));
  if (readers.updates() == 0 || readers.reports() == 0) outcome.failures.push_back("nothing was read");
  outcome.counts = cat(results, " results at ", static_cast<int64_t>(static_cast<double>(results) / seconds),
                       "/s beside ", kWatchers, " watchers (", readers.updates(), " updates) and ", kReporters,
                       " reporters (", readers.reports(), " reports), ", readers.errors.size(), " errors, ack p99 ",
                       static_cast<int64_t>(ack), " ms", late >= kBusyMachineMs ? " (not measurable here)" : "",
                       ", wake-ups late by p99 ", static_cast<int64_t>(late), " ms");
  return outcome;
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T20 readers while results arrive", autonorm::soak::run);
}
