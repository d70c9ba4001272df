// T11: the disk is full, or writes fail, from the k-th operation on, k = 1 … N, and works again later. Nothing is
// acknowledged without its row, trouble() (what `status` prints) says what is needed while it lasts, work goes on by
// itself, nothing is corrupt and nothing acknowledged is lost. A start on such a disk is refused with what to do, and
// the next one works.
#include <SQLiteCpp/SQLiteCpp.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include "coordinator/store/store.h"
#include "core/base/log.h"
#include "tests/soak/soak_program.h"
#include "tests/support/database_digest.h"
#include "tests/support/fault_disk.h"
#include "tests/support/loop_fleet.h"
#include "tests/support/sweep_builder.h"
#include "tests/support/system_clock.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::soak {
namespace {

using namespace std::chrono_literals;
using testing::DiskFault;

constexpr int64_t kTrials = 24;  // enough writes for every k of the specification
constexpr auto kDeadline = 60s;

struct Tally {
  std::mutex mutex;
  int64_t acks = 0, without_row = 0, lost = 0, said = 0, hit = 0, starts = 0;
  std::vector<std::string> failures;
  void fail(std::string what) {
    const std::lock_guard lock(mutex);
    failures.push_back(std::move(what));
  }
};

template <class Condition>
bool wait_until(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

// Through a connection of its own: what another program would find after the coordinator's death.
int64_t stored_seq(const std::filesystem::path& file, const fleet::AttemptKey& key) {
  SQLite::Database database(file.string(), SQLite::OPEN_READONLY);
  SQLite::Statement query(database,
                          "SELECT max(acked) FROM attempt_member JOIN attempt ON attempt.id = attempt_member.attempt "
                          "WHERE attempt.token = ?");
  query.bind(1, key.token.value());
  return query.executeStep() ? query.getColumn(0).getInt64() : 0;
}

void check_row(const std::filesystem::path& file, const fleet::Ack& ack, Tally& tally) {
  const int64_t stored = stored_seq(file, ack.key);
  const std::lock_guard lock(tally.mutex);
  ++tally.acks;
  if (stored >= ack.seq.value()) return;
  ++tally.without_row;
  tally.failures.push_back(cat("event ", ack.seq, " was acknowledged, the database has ", stored));
}

bool says_what_is_needed(const std::string& trouble, DiskFault fault) {
  return trouble.find(fault == DiskFault::kFull ? "disk full" : "I/O error") != std::string::npos &&
         trouble.find("work goes on by itself") != std::string::npos;
}

// After the end: one result for each trial, and of each attempt all that was acknowledged.
void check_what_is_left(const std::filesystem::path& file, const std::map<Token, fleet::Ack>& acked,
                        const std::string& where, Tally& tally) {
  const Status whole = testing::database_integrity(file);
  if (!whole.ok()) tally.fail(cat(where, ": ", whole.message()));
  SQLite::Database database(file.string(), SQLite::OPEN_READONLY);
  const int64_t results = database
                              .execAndGet(
                                  "SELECT count(*) FROM trial JOIN result ON result.trial = trial.id WHERE "
                                  "state = 'succeeded' AND metric = 'test/accuracy'")
                              .getInt64();
  if (results != kTrials) tally.fail(cat(where, ": ", results, " results of ", kTrials, " trials are stored"));
  for (const auto& [token, ack] : acked) {
    if (stored_seq(file, ack.key) >= ack.seq.value()) continue;
    ++tally.lost;
    tally.fail(cat(where, ": event ", ack.seq, " was acknowledged and is not there any more"));
  }
}

void start_on(int64_t k, DiskFault fault, testing::FaultDisk& disk, Tally& tally) {
  const std::string where = cat("a start, k = ", k, fault == DiskFault::kFull ? " (full)" : " (I/O error)");
  const testing::TemporaryFolder folder;
  disk.fail_from(k, fault);
  auto store = store::Store::open(folder.path(), testing::kSystemClock);
  disk.heal();
  if (!store.ok()) {
    ++tally.starts;
    const std::string said = store.status().message();
    if (said.find("then start again; or choose another folder with --state") == std::string::npos)
      tally.fail(cat(where, ": it says only: ", said));
    store = store::Store::open(folder.path(), testing::kSystemClock);
  }
  if (!store.ok()) tally.fail(cat(where, ", then with space: ", store.status().message()));
}

void live_through(int64_t k, DiskFault fault, testing::FaultDisk& disk, Tally& tally) {
  const std::string where = cat("k = ", k, fault == DiskFault::kFull ? " (full)" : " (I/O error)");
  const testing::TemporaryFolder folder;
  auto store = store::Store::open(folder.path(), testing::kSystemClock);
  if (!store.ok()) return tally.fail(cat(where, ": ", store.status().message()));
  const SystemClock clock;
  const std::filesystem::path file = folder.path() / "autonorm.db";
  std::map<Token, fleet::Ack> acked;  // the newest of each attempt; of the engine's thread until the loop has ended
  testing::LoopFleet fleet(2, [&](const fleet::Ack& ack) {
    check_row(file, ack, tally);
    acked[ack.key.token] = ack;
  });
  auto loop = server::start_engine_loop(**store, fleet, clock, {.build = "0.1.0"});
  disk.fail_from(k, fault);
  fleet.start(*loop);
  engine::SubmitReply reply;
  std::atomic<bool> answered = false;
  std::thread caller([&] {
    reply = loop->submit(testing::submission(testing::make_sweep("one", kTrials)));
    answered = true;
  });
  const auto done = [&] { return answered && loop->sweeps().front().counts[TrialState::kSucceeded] == kTrials; };
  if (!wait_until([&] { return loop->trouble().has_value() || done(); })) tally.fail(cat(where, ": it hangs"));
  if (const auto trouble = loop->trouble()) {
    ++tally.hit;
    tally.said += says_what_is_needed(*trouble, fault);
    if (!says_what_is_needed(*trouble, fault)) tally.fail(cat(where, ": trouble says only: ", *trouble));
    const int64_t before = fleet.acks();
    const int64_t tries = disk.failures();
    wait_until([&] { return disk.failures() > tries; });  // it tries again
    if (fleet.acks() != before) tally.fail(cat(where, ": something was acknowledged meanwhile"));
  }
  disk.heal();
  if (!wait_until(done)) tally.fail(cat(where, ": work did not go on"));
  caller.join();
  if (!reply.status.ok()) tally.fail(cat(where, ": ", reply.status.message()));
  // Views show what is about to be written; who changes something is answered when all before it is.
  const engine::SubmitReply again = loop->submit(testing::submission(testing::make_sweep("one", kTrials)));
  if (!again.status.ok() || !again.existed) tally.fail(cat(where, ": submitted again: ", again.status.message()));
  if (loop->trouble()) tally.fail(cat(where, ": it still says ", *loop->trouble()));
  fleet.stop();
  loop.reset();
  store = Status(internal("closed"));
  check_what_is_left(file, acked, where, tally);
}

Outcome no_ack_without_a_row(const Options& options) {
  set_log_sink([](LogLevel, const std::string&) {});
  testing::FaultDisk disk;
  Tally tally;
  for (int64_t k = 1; k <= options.count && tally.failures.empty(); ++k) {
    for (const DiskFault fault : {DiskFault::kFull, DiskFault::kInputOutput}) {
      start_on(k, fault, disk, tally);
      live_through(k, fault, disk, tally);
    }
  }
  return {.counts = cat(2 * options.count, " runs, ", tally.hit, " stopped by the disk and ", tally.said,
                        " said so, all went on; ", tally.acks, " acknowledged, ", tally.without_row, " without a row, ",
                        tally.lost, " lost; ", tally.starts,
                        " starts refused with the remedy, all started once there was space"),
          .failures = std::move(tally.failures)};
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T11 disk full", autonorm::soak::no_ack_without_a_row);
}
