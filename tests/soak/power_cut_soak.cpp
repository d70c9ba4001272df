// T8: power cuts. The real store works for a random walk on a disk that keeps, of what was written since the last sync,
// any part. After each cut the database must be whole and say exactly what it said after the last commit that the
// engine was told of; a commit that was under way may be there as a whole or not at all.
#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <memory>

#include "core/base/philox.h"
#include "tests/soak/soak_program.h"
#include "tests/support/cluster_walk.h"
#include "tests/support/database_digest.h"
#include "tests/support/fault_disk.h"
#include "tests/support/system_clock.h"

namespace autonorm::soak {
namespace {

namespace fs = std::filesystem;
using testing::ClusterWalk;

constexpr int kCutsPerDatabase = 25;
constexpr uint32_t kLongestLife = 120;    // operations of the disk between two cuts
constexpr uint32_t kCheckpointEvery = 4;  // commits; SQLite's own rule would need megabytes

struct Tally {
  int64_t cuts = 0, corrupt = 0, lost = 0, commits = 0, under_way = 0;
  std::vector<std::string> failures;
};

class World {
 public:
  World(uint64_t seed, int64_t number, Tally& tally)
      : random_(seed, "soak", cat("power/", number)), number_(number), tally_(tally) {}

  void live_through(int64_t cuts) {
    const int64_t until = tally_.cuts + cuts;
    cut_while_created();
    walk_ = std::make_unique<ClusterWalk>(testing::ClusterOptions{
        .limits = {}, .before_open = [this] { come_back(); }, .committed = [this] { committed(); }, .replay = false});
    said_ = digest(file());
    plan_cut();
    while (tally_.cuts < until && tally_.failures.empty()) {
      try {
        if (disk_.was_cut()) throw testing::CoordinatorDied();  // between two commits, or while the database was opened
        const testing::WalkOperation operation = testing::make_walk(random_.word(drawn_++), 1).front();
        // A cut is death enough; two at once could not be told apart.
        if (operation.action != testing::WalkAction::kDieMidway) walk_->step(operation);
      } catch (const testing::CoordinatorDied&) {
        recover();
      }
      for (const std::string& finding : walk_->findings()) fail(finding);
    }
  }

 private:
  uint32_t pick(uint32_t n) { return random_.word(drawn_++) % n; }
  fs::path file() const { return walk_->cluster().directory() / "autonorm.db"; }

  void plan_cut() {
    disk_.cut_power_at(1 + pick(kLongestLife), [this](uint32_t n) { return pick(n); });
  }
  // The first start of a state directory: whatever a cut leaves of it, the next start makes it work.
  void cut_while_created() {
    const testing::TemporaryFolder folder;
    plan_cut();
    auto opened = store::Store::open(folder.path(), testing::kSystemClock);
    if (!opened.ok()) fail(opened.status().message());
    opened = Status(internal("closed"));
    if (!disk_.was_cut()) return disk_.forget_cut();
    disk_.come_back();
    ++tally_.cuts;
    opened = store::Store::open(folder.path(), testing::kSystemClock);
    if (opened.ok()) return;
    ++tally_.corrupt;
    fail(cat("after a cut at the first start: ", opened.status().message()));
  }
  // A cut may hit the recovery from a cut.
  void recover() {
    survived_.reset();
    while (true) {
      try {
        return walk_->come_back([this] { return *survived_; });
      } catch (const testing::CoordinatorDied&) {
        continue;
      }
    }
  }

  void committed() {
    if (!walk_) return;  // it is being made
    ++tally_.commits;
    const Sha256 now = digest(file());
    if (disk_.was_cut()) {
      under_way_ = now;
      ++tally_.under_way;
      throw testing::CoordinatorDied();
    }
    said_ = now;
    if (pick(kCheckpointEvery) == 0) checkpoint();
    if (disk_.was_cut()) throw testing::CoordinatorDied();
  }
  void checkpoint() {
    constexpr std::array kModes{"PASSIVE", "FULL", "RESTART", "TRUNCATE"};
    SQLite::Database database(file().string(), SQLite::OPEN_READWRITE);
    database.exec(cat("PRAGMA wal_checkpoint(", kModes[pick(kModes.size())], ")"));
  }

  // Before the database is opened again: what did the cut leave?
  void come_back() {
    if (!walk_ || !disk_.was_cut()) return;
    disk_.come_back();
    ++tally_.cuts;
    // Looked at in a copy: recovery must have to do its work again.
    const testing::TemporaryFolder copy;
    for (const char* end : {"autonorm.db", "autonorm.db-wal", "autonorm.db-journal"}) {
      if (fs::exists(walk_->cluster().directory() / end))
        fs::copy_file(walk_->cluster().directory() / end, copy.path() / end);
    }
    const Status whole = testing::database_integrity(copy.path() / "autonorm.db");
    if (!whole.ok()) {
      ++tally_.corrupt;
      fail(whole.message());
    }
    const Sha256 found = digest(copy.path() / "autonorm.db");
    if (!survived_) survived_ = !under_way_ || found == *under_way_;
    if (said_ && found != *said_ && found != under_way_) {
      ++tally_.lost;
      fail("the database is neither what it was after the last commit nor after the one under way");
    }
    said_ = found;
    under_way_.reset();
    plan_cut();
  }

  Sha256 digest(const fs::path& path) {
    auto digest = testing::database_digest(path);
    if (!digest.ok()) fail(digest.status().message());
    return digest.ok() ? *digest : Sha256{};
  }
  void fail(const std::string& what) {
    tally_.failures.push_back(cat("database ", number_, ", cut ", tally_.cuts, ": ", what));
  }

  RandomStream random_;
  uint64_t drawn_ = 0;
  const int64_t number_;
  Tally& tally_;
  testing::FaultDisk disk_;
  std::optional<Sha256> said_, under_way_;  // digests of the database
  std::optional<bool> survived_;            // of the operation that was interrupted
  std::unique_ptr<ClusterWalk> walk_;       // last: its connection is closed before the disk goes
};

Outcome nothing_is_lost(const Options& options) {
  Tally tally;
  for (int64_t number = 0; tally.cuts < options.count && tally.failures.empty(); ++number) {
    World world(options.seed, number, tally);
    world.live_through(std::min<int64_t>(kCutsPerDatabase, options.count - tally.cuts));
  }
  return {.counts = cat(tally.cuts, " cut (", tally.under_way, " within a commit, ", tally.commits, " commits), ",
                        tally.corrupt, " corrupt, ", tally.lost, " acknowledged lost"),
          .failures = std::move(tally.failures)};
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T8 power cuts", autonorm::soak::nothing_is_lost);
}
