// T16: very many trials of instant workers through the engine's loop and its store: memory and descriptors stay flat.
// A trial's own record stays by design (a coordinator knows all its trials); it is submitted before the measuring
// starts.
#include <poll.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "coordinator/store/store.h"
#include "core/base/log.h"
#include "tests/soak/soak_program.h"
#include "tests/support/loop_fleet.h"
#include "tests/support/sweep_builder.h"
#include "tests/support/system_clock.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::soak {
namespace {

constexpr int64_t kWarmUp = 10'000;                // trials
constexpr double kMostGrowth = 10;                 // MiB
constexpr auto kStall = std::chrono::seconds(60);  // without a single result

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  int64_t all = 0, resident = 0;
  statm >> all >> resident;
  return static_cast<double>(resident) * 4096 / (1024 * 1024);
}
int64_t descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

int64_t succeeded(server::EngineLoop& loop) {
  const auto sweeps = loop.sweeps();
  const auto it = sweeps.at(0).counts.find(TrialState::kSucceeded);
  return it == sweeps.at(0).counts.end() ? 0 : it->second;
}

// False when nothing moves any more.
bool wait_for_results(server::EngineLoop& loop, int64_t wanted) {
  int64_t last = 0;
  auto moved = std::chrono::steady_clock::now();
  while (last < wanted) {
    const int64_t now = succeeded(loop);
    if (now != last) moved = std::chrono::steady_clock::now();
    if (std::chrono::steady_clock::now() - moved > kStall) return false;
    last = now;
    poll(nullptr, 0, 5);
  }
  return true;
}

Outcome memory_stays_flat(const Options& options) {
  set_log_sink([](LogLevel, const std::string&) {});
  const testing::TemporaryFolder folder;
  auto store = store::Store::open(folder.path(), testing::kSystemClock);
  if (!store.ok()) return {.counts = "no store", .failures = {store.status().message()}};
  const SystemClock clock;
  testing::LoopFleet fleet(8);
  auto loop = server::start_engine_loop(**store, fleet, clock, {.build = "0.1.0"});
  Outcome outcome;
  const engine::SubmitReply reply = loop->submit(testing::submission(testing::make_sweep("many", options.count)));
  if (!reply.status.ok()) outcome.failures.push_back(reply.status.message());
  fleet.start(*loop);
  const int64_t warm = std::min(kWarmUp, options.count / 2);
  if (!wait_for_results(*loop, warm)) outcome.failures.emplace_back("it stands still while warming up");
  const double before = resident_mib();
  const int64_t open_before = descriptors();
  if (outcome.failures.empty() && !wait_for_results(*loop, options.count))
    outcome.failures.emplace_back("it stands still");
  const double growth = resident_mib() - before;
  const int64_t more_open = descriptors() - open_before;
  if (growth >= kMostGrowth) outcome.failures.push_back(cat("memory grew by ", growth, " MiB"));
  if (more_open > 0) outcome.failures.push_back(cat(more_open, " descriptors more are open"));
  fleet.stop();
  outcome.counts = cat(options.count, " trials, memory grew by ", growth, " MiB after the first ", warm, " (",
                       before + growth, " MiB in all), ", more_open, " descriptors more");
  return outcome;
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T16 no-op trials", autonorm::soak::memory_stays_flat);
}
