#include "coordinator/store/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/store/old_attempts.h"
#include "coordinator/store/report_reader.h"
#include "coordinator/store/state_directory.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/system_clock.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::store {
namespace {

using testing::TemporaryFolder;
using namespace std::chrono_literals;

TEST(Store, EpochGrowsWithEachStart) {
  TemporaryFolder folder;
  for (int64_t epoch = 1; epoch <= 3; ++epoch) {
    auto store = Store::open(folder.path() / "runs", testing::kSystemClock);
    ASSERT_TRUE(store.ok()) << store.status().message();
    EXPECT_EQ((*store)->epoch(), epoch);
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "runs" / "autonorm.db"));
}

TEST(Store, ASecondCoordinatorIsRefusedNamingTheFirstOnesPid) {
  TemporaryFolder folder;
  auto first = Store::open(folder.path(), testing::kSystemClock);
  ASSERT_TRUE(first.ok());
  auto second = Store::open(folder.path(), testing::kSystemClock);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kConflict);
  EXPECT_EQ(second.status().message(), cat("state directory ", std::filesystem::canonical(folder.path()).string(),
                                           " is in use by another coordinator (pid ", ::getpid(),
                                           "); stop that one, or choose another folder with --state"));
  first = Status(Code::kInternal, "closed");
  EXPECT_TRUE(Store::open(folder.path(), testing::kSystemClock).ok()) << "free again";
}

TEST(Store, AFileInTheWayAndAnUnwritableFolderAreExplained) {
  TemporaryFolder folder;
  ASSERT_TRUE(write_file_durably(folder.path() / "file", "x").ok());
  const auto blocked = Store::open(folder.path() / "file", testing::kSystemClock);
  ASSERT_FALSE(blocked.ok());
  EXPECT_NE(blocked.status().message().find("choose another folder with --state"), std::string::npos)
      << blocked.status().message();
  const auto read_only = Store::open("/proc/autonorm", testing::kSystemClock);
  ASSERT_FALSE(read_only.ok());
  EXPECT_NE(read_only.status().message().find("state directory /proc/autonorm"), std::string::npos)
      << read_only.status().message();
}

TEST(Store, NetworkFileSystemsAreRefused) {
  EXPECT_TRUE(check_file_system(0xEF53, "/data").ok()) << "ext4";
  EXPECT_EQ(check_file_system(0x6969, "/data").message(),
            "state directory /data is on NFS, where a database cannot be locked dependably; choose a folder on a local "
            "disk with --state");
  EXPECT_NE(check_file_system(0x0BD00BD0, "/data").message().find("Lustre"), std::string::npos);
  // statfs sign-extends types with the top bit set.
  EXPECT_FALSE(check_file_system(static_cast<int64_t>(static_cast<int32_t>(0xFF534D42)), "/data").ok());
}

TEST(Store, SystemErrorsOfTheFolderGetARemedy) {
  EXPECT_EQ(directory_error("creating it", "/data", EROFS).message(),
            "state directory /data: creating it: Read-only file system; make it writable, or choose another folder "
            "with --state");
  EXPECT_EQ(directory_error("creating it", "/data", ENOSPC).code(), Code::kExhausted);
  EXPECT_EQ(directory_error("creating it", "/data", ENOSPC).message(),
            "state directory /data: creating it: No space left on device; free space there, or choose another folder "
            "with --state");
}

TEST(Store, ARefusedTransitionRollsTheWholeTransactionBack) {
  TemporaryFolder folder;
  auto store = Store::open(folder.path(), testing::kSystemClock);
  ASSERT_TRUE(store.ok());
  engine::SweepRecord sweep;
  sweep.id = SweepId(1);
  engine::TrialRecord trial;
  trial.key = 1;
  trial.id = TrialId(std::string(64, 'a'));
  const auto config = std::make_shared<const engine::FrozenConfig>(engine::FrozenConfig{Sha256("h"), "{}"});
  ASSERT_TRUE(
      (*store)
          ->commit(std::vector<engine::Change>{engine::SweepInserted{sweep, {}}, engine::TrialInserted{trial, config}})
          .ok());

  engine::TrialMoved late{.trial = 1,
                          .from = TrialState::kQueued,
                          .attempt = Attempt(1),
                          .token = Token("old"),
                          .to = TrialState::kAssigned,
                          .new_attempt = Attempt(2),
                          .new_token = Token("new")};
  const Status status = (*store)->commit(std::vector<engine::Change>{engine::ArtifactAdded{Sha256("x"), 1, {}}, late});
  EXPECT_EQ(status.code(), Code::kConflict);
  EXPECT_EQ(status.message(), "trial 1 has moved on: a late report was about to be written");
  EXPECT_EQ((*store)->load().value().trials.at(0).state, TrialState::kQueued);

  late.attempt = Attempt(0), late.token = Token("");
  late.to = TrialState::kSucceeded;
  EXPECT_EQ((*store)->commit(std::vector<engine::Change>{late}).message(),
            "trial 1 cannot go from queued to succeeded");
  late.to = TrialState::kAssigned;
  EXPECT_TRUE((*store)->commit(std::vector<engine::Change>{late}).ok());
  EXPECT_EQ((*store)->load().value().trials.at(0).token, Token("new"));
}

TEST(Store, EventsOfAnEndedAttemptOrAnotherTokenAreRefusedInSqlToo) {
  TemporaryFolder folder;
  auto store = Store::open(folder.path(), testing::kSystemClock);
  ASSERT_TRUE(store.ok());
  engine::AttemptRecord attempt;
  attempt.row = 1, attempt.trial = 1, attempt.number = Attempt(1), attempt.token = Token("t1");
  attempt.members = {{.rank = 0, .worker = WorkerId("w"), .host = "a", .device = "cpu"}};
  ASSERT_TRUE((*store)->commit(std::vector<engine::Change>{engine::AttemptInserted{attempt}}).ok());
  const auto points = [](std::string token) {
    return std::vector<engine::Change>{engine::MetricsAdded{1, Token(std::move(token)), {{"loss", 1, 0.5}}}};
  };
  EXPECT_EQ((*store)->commit(points("t2")).code(), Code::kConflict);
  EXPECT_TRUE((*store)->commit(points("t1")).ok());
  engine::AttemptEnded ended;
  ended.row = 1, ended.token = Token("t1"), ended.reason = EndReason::kWorkerLost;
  ASSERT_TRUE((*store)->commit(std::vector<engine::Change>{ended}).ok());
  EXPECT_EQ((*store)->commit(points("t1")).code(), Code::kConflict);
  EXPECT_EQ((*store)->commit(std::vector<engine::Change>{engine::ResultAdded{1, 1, Token("t1"), {}}}).code(),
            Code::kConflict);
}

TEST(Store, ATrialsConfigurationComesWithItsSeedAndInputs) {
  testing::FakeCluster cluster;
  const config::Sweep sweep =
      testing::make_sweep("staged", {{.variant = "student", .seed = 18446744073709551615U, .stage = "teacher"}});
  cluster.submit(sweep);
  EXPECT_EQ(cluster.store().trial_config(sweep.trials[1].id).value(),
            cat(R"({"inputs":{"teacher":")", sweep.trials[0].id,
                R"("},"seed":18446744073709551615,"model":{"family":"vit"}})"));
  EXPECT_EQ(cluster.store().trial_config(TrialId("none")).status().code(), Code::kNotFound);
  EXPECT_EQ(cluster.store().sweep_source(SweepId(1)).value().files.at("sweep.toml"), "# staged");
  EXPECT_EQ(cluster.store().sweep_source(SweepId(9)).status().code(), Code::kNotFound);
}

// rank-0 with four attempts, all of them old: delivered, still open, delivered and of another trial, and a fresh one.
struct OldAttemptFolders : ::testing::Test {
  void SetUp() override {
    for (const char* name : {"a/attempt-1", "a/attempt-2", "b/attempt-1", "b/attempt-2"}) {
      std::filesystem::create_directories(attempt(name));
      EXPECT_TRUE(write_file_durably(attempt(name) / "log.txt", "0123456789").ok());
    }
    EXPECT_TRUE(write_file_durably(attempt("a/attempt-2") / "token", "t").ok());
    EXPECT_TRUE(write_file_durably(work / "rank-0/lock", "1").ok());
    for (const char* name : {"a/attempt-1", "a/attempt-2", "b/attempt-1"}) {
      std::filesystem::last_write_time(attempt(name),
                                       std::filesystem::file_time_type::clock::now() - std::chrono::hours(100));
    }
  }
  std::filesystem::path attempt(const std::string& name) const { return work / "rank-0/trials" / name; }
  WallTime cutoff() const { return SystemClock().now().wall - std::chrono::hours(50); }
  TemporaryFolder folder;
  std::filesystem::path work = folder.path() / "work";
};

TEST_F(OldAttemptFolders, OnlyDeliveredOldOnesGo) {
  EXPECT_EQ(old_attempts(work, cutoff(), false).folders, 2);
  EXPECT_EQ(old_attempts(work, cutoff(), false).bytes, 20);
  EXPECT_EQ(old_attempts(work, cutoff(), true).folders, 2);
  EXPECT_FALSE(std::filesystem::exists(attempt("a/attempt-1")));
  EXPECT_TRUE(std::filesystem::exists(attempt("a/attempt-2"))) << "its results are still to be delivered";
  EXPECT_TRUE(std::filesystem::exists(attempt("b/attempt-2"))) << "too young";
  EXPECT_EQ(old_attempts(work, cutoff(), true).folders, 0);
  EXPECT_EQ(old_attempts(folder.path() / "nothing", cutoff(), true).folders, 0);
}

TEST_F(OldAttemptFolders, ARunningWorkersFoldersAreLeftToIt) {
  const Fd lock(::open((work / "rank-0/lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(old_attempts(work, cutoff(), true).folders, 0);
  EXPECT_TRUE(std::filesystem::exists(attempt("a/attempt-1")));
}

TEST(ReportReader, NothingThereIsExplained) {
  TemporaryFolder folder;
  const auto missing = ReportReader::open(folder.path());
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().message(), cat("there is no database ", (folder.path() / "autonorm.db").string(),
                                            "; name a state directory with --state, or a database with --db"));
  ASSERT_TRUE(Store::open(folder.path(), testing::kSystemClock).ok());
  auto reader = ReportReader::open(folder.path() / "autonorm.db");
  ASSERT_TRUE(reader.ok());
  EXPECT_NE((*reader)->report(SweepId(1)).status().message().find("it holds none yet"), std::string::npos);
  ASSERT_TRUE(write_file_durably(folder.path() / "other.db", "not a database, but long enough to look at").ok());
  EXPECT_FALSE(ReportReader::open(folder.path() / "other.db").ok());
}

TEST(ReportReader, ReadsWhileTheCoordinatorWrites) {
  testing::FakeCluster cluster;
  cluster.submit(testing::make_sweep("older", 2));
  auto reader = ReportReader::open(cluster.directory());
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->report(SweepId(1)).value().sweep.name, "older");
  cluster.submit(testing::make_sweep("newer", {{.variant = "B", .stage = "teacher"}}));
  const auto newest = (*reader)->report(SweepId(2));
  ASSERT_TRUE(newest.ok());
  EXPECT_EQ(newest->sweep.name, "newer");
  ASSERT_EQ(newest->trials.size(), 1U) << "stages are no rows";
  EXPECT_EQ(newest->trials[0].labels->at("data.name"), "digits");
  EXPECT_EQ(newest->trials[0].state, TrialState::kWaiting);
  EXPECT_EQ((*reader)->report(SweepId(1)).value().trials.size(), 2U);
  const auto unknown = (*reader)->report(SweepId(7));
  EXPECT_NE(unknown.status().message().find("it holds 2 (newer), 1 (older)"), std::string::npos)
      << unknown.status().message();
  const auto sweeps = (*reader)->sweeps();
  ASSERT_TRUE(sweeps.ok());
  ASSERT_EQ(sweeps->size(), 2U);
  EXPECT_EQ((*sweeps)[1].counts, (std::map<TrialState, int64_t>{{TrialState::kWaiting, 1}, {TrialState::kQueued, 1}}));
  EXPECT_EQ((*sweeps)[0].state, "running");
}

TEST(ReportReader, PartsAreTheWhole) {
  testing::FakeCluster cluster;
  cluster.submit(testing::make_sweep("other", 4));
  cluster.submit(testing::make_sweep("parts", 7));
  auto reader = ReportReader::open(cluster.directory());
  ASSERT_TRUE(reader.ok());
  const auto whole = (*reader)->report(SweepId(2));
  ASSERT_TRUE(whole.ok());
  ASSERT_EQ(whole->trials.size(), 7U);
  for (const int64_t most : {1, 3, 7, 100}) {
    std::vector<TrialId> trials;
    int64_t next = 0, parts = 0;
    do {
      const auto part = (*reader)->rows_of(SweepId(2), {.from = next, .most = most});
      ASSERT_TRUE(part.ok());
      EXPECT_EQ(part->data.sweep.name, "parts");
      EXPECT_LE(std::ssize(part->data.trials), most);
      for (const report::TrialRow& row : part->data.trials) trials.push_back(row.trial);
      next = part->next;
      ASSERT_LE(++parts, 8);
    } while (next != 0);
    ASSERT_EQ(trials.size(), 7U) << most;
    for (size_t i = 0; i < 7; ++i) EXPECT_EQ(trials[i], whole->trials[i].trial);
  }
}

// Large enough for two threads.
TEST(ReportReader, HalvesAreTheWhole) {
  constexpr int64_t kSeeds = 6'001;
  testing::FakeCluster cluster(testing::ClusterOptions{.replay = false});
  const config::Sweep sweep = testing::make_sweep("large", kSeeds);
  cluster.submit(sweep);
  cluster.complete_submissions();
  auto reader = ReportReader::open(cluster.directory());
  ASSERT_TRUE(reader.ok());
  const auto whole = (*reader)->report(SweepId(1));
  const auto serial = (*reader)->rows_of(SweepId(1), {.most = kSeeds + 1});
  ASSERT_TRUE(whole.ok() && serial.ok());
  ASSERT_EQ(std::ssize(whole->trials), kSeeds);
  for (size_t i = 0; i < whole->trials.size(); ++i) {
    const report::TrialRow &ours = whole->trials[i], &theirs = serial->data.trials[i];
    ASSERT_EQ(ours.trial, theirs.trial) << i;
    ASSERT_EQ(ours.seed, theirs.seed) << i;
    ASSERT_EQ(*ours.labels, *theirs.labels) << i;
    ASSERT_EQ(*ours.configuration, *theirs.configuration) << i;
  }
}

TEST(ReportReader, TrialsShareTheListsThatAreEqual) {
  testing::FakeCluster cluster;
  for (int i = 0; i < 3; ++i) cluster.add_worker({.name = cat("w", i), .world = cat("world-", i)});
  const config::Sweep sweep = testing::make_sweep("lists", 3);
  cluster.submit(sweep);
  for (size_t i = 0; i < 3; ++i) {
    cluster.join_all(sweep.trials[i].id);
    fleet::Finished finished;
    finished.results = {{"test/accuracy", 0.5}};
    finished.facts = {{"build", "b"}, {"weights_sha256", cat("w", i)}, {"note", "\xff\"it's\""}};
    finished.initial = {{"head.bias [10]", i == 2 ? "other" : "z"}, {"head.weight [10, 64]", "h"}};
    cluster.emit(cluster.member(sweep.trials[i].id), sweep.trials[i].id, finished);
  }
  auto reader = ReportReader::open(cluster.directory());
  const auto rows = (*reader)->report(SweepId(1)).value().trials;
  EXPECT_EQ(&*rows[0].initial, &*rows[1].initial);
  EXPECT_EQ(*rows[0].initial, (report::TextList{{"head.bias [10]", "z"}, {"head.weight [10, 64]", "h"}}));
  EXPECT_EQ(rows[2].initial->at("head.bias [10]"), "other");
  EXPECT_EQ(&*rows[0].common_facts, &*rows[2].common_facts);
  EXPECT_EQ(*report::fact_of(rows[2], "weights_sha256"), "w2");
  EXPECT_EQ(report::facts_of(rows[1]),
            (report::TextList{{"build", "b"}, {"note", "\xef\xbf\xbd\"it's\""}, {"weights_sha256", "w1"}}));
}

TEST(ReportReader, NotANumberSurvives) {
  testing::FakeCluster cluster;
  const WorkerId worker = cluster.add_worker();
  const config::Sweep sweep = testing::make_sweep("one", 1);
  cluster.submit(sweep);
  cluster.join_all(sweep.trials[0].id);
  fleet::Finished finished;
  finished.reason = EndReason::kDiverged;
  finished.results = {{"train/loss", std::numeric_limits<double>::quiet_NaN()},
                      {"peak", std::numeric_limits<double>::infinity()}};
  cluster.emit(worker, sweep.trials[0].id, finished);
  auto reader = ReportReader::open(cluster.directory());
  const auto data = (*reader)->report(SweepId(1));
  ASSERT_TRUE(data.ok());
  EXPECT_TRUE(std::isnan(data->trials[0].results.at("train/loss")));
  EXPECT_TRUE(std::isinf(data->trials[0].results.at("peak")));
}

// A and B on some data sets, over some seeds; the seeds may grow to 6.
struct StudyShape {
  std::string name;
  std::vector<uint64_t> seeds;
  std::vector<std::string> data = {"digits", "mnist"};
  std::string excluded = {};  // variant that "mnist" goes without
  int64_t max_seeds = 6;
};

config::Sweep study(const StudyShape& shape) {
  std::vector<testing::TrialSpec> specs;
  std::vector<std::shared_ptr<const config::CellLabels>> labels;
  for (const std::string& data : shape.data) {
    for (const std::string variant : {"A", "B"}) {
      if (data == "mnist" && variant == shape.excluded) continue;
      for (const uint64_t seed : shape.seeds) {
        // The device tells the trials of the data sets apart.
        specs.push_back({.variant = variant, .seed = seed, .device = data == "mnist" ? "cpu" : "auto"});
        labels.push_back(std::make_shared<const config::CellLabels>(config::CellLabels{{"data.name", data}}));
      }
    }
  }
  config::Sweep sweep = testing::make_sweep(shape.name, specs);
  for (size_t i = 0; i < labels.size(); ++i) sweep.cells[i].labels = labels[i];
  sweep.seeds = shape.seeds;
  sweep.max_seeds = shape.max_seeds;
  sweep.matrix_keys = {"data.name"};
  return sweep;
}

class Extension : public ::testing::Test {
 protected:
  SweepId submit(const StudyShape& shape) {
    cluster_.advance(1s);
    return cluster_.submit(study(shape)).sweep;
  }
  // Trains what is queued.
  void train_all() {
    if (!worker_) worker_ = cluster_.add_worker();
    for (int trials = 0; trials < 100; ++trials) {
      cluster_.advance(1s);
      std::vector<TrialId> assigned;
      for (const engine::SweepView& sweep : cluster_.engine().sweeps(cluster_.now())) {
        for (const engine::TrialView& trial : cluster_.engine().trials(sweep.id)) {
          if (trial.state == TrialState::kAssigned) assigned.push_back(trial.id);
        }
      }
      if (assigned.empty()) return;
      cluster_.run_to_end(assigned.front());
    }
    FAIL() << "it never ends";
  }
  bool extends_earlier(SweepId sweep) {
    auto reader = ReportReader::open(cluster_.directory());
    return (*reader)->report(sweep).value().sweep.extends_earlier;
  }

  testing::FakeCluster cluster_{{.replay = false}};  // whoever reads does not see restarts
  std::optional<WorkerId> worker_;
};

TEST_F(Extension, GrowsTheSeedsOfAnEarlierSweepUpToItsMaximum) {
  EXPECT_FALSE(extends_earlier(submit({.name = "first", .seeds = {0, 1, 2}})));
  train_all();
  EXPECT_TRUE(extends_earlier(submit({.name = "grown", .seeds = {0, 1, 2, 3, 4}})));
  EXPECT_FALSE(extends_earlier(submit({.name = "too far", .seeds = {0, 1, 2, 3, 4, 5, 6}})));
}

TEST_F(Extension, MayNotDropASeedACellOrAnExclusion) {
  submit({.name = "first", .seeds = {0, 1, 2}});
  train_all();
  EXPECT_FALSE(extends_earlier(submit({.name = "seed dropped", .seeds = {0, 2}})));
  EXPECT_FALSE(extends_earlier(submit({.name = "seed replaced", .seeds = {0, 2, 3}})));
  EXPECT_FALSE(extends_earlier(submit({.name = "column dropped", .seeds = {0, 1, 2}, .data = {"digits"}})));
  EXPECT_FALSE(
      extends_earlier(submit({.name = "column added", .seeds = {0, 1, 2}, .data = {"digits", "mnist", "usps"}})));
  EXPECT_FALSE(extends_earlier(submit({.name = "cell excluded", .seeds = {0, 1, 2, 3}, .excluded = "B"})));
}

TEST_F(Extension, OfASweepWhoseOwnResultsWereKnownIsNone) {
  submit({.name = "a look", .seeds = {0, 1}, .max_seeds = 0});
  train_all();
  submit({.name = "registered too late", .seeds = {0, 1}, .max_seeds = 6});
  EXPECT_FALSE(extends_earlier(submit({.name = "grown", .seeds = {0, 1, 2}})));
}

TEST_F(Extension, TrainingKnownSeedsAgainIsNone) {
  submit({.name = "first", .seeds = {0, 1}});
  train_all();
  cluster_.advance(1s);
  EXPECT_FALSE(extends_earlier(cluster_.submit(study({.name = "first", .seeds = {0, 1}}), /*fresh=*/true).sweep));
}

// The bad seed of a first extension is replaced by another in a second one.
TEST_F(Extension, LeavesNoKnownSeedOut) {
  submit({.name = "first", .seeds = {0, 1}});
  train_all();
  EXPECT_TRUE(extends_earlier(submit({.name = "grown", .seeds = {0, 1, 3}})));
  EXPECT_TRUE(extends_earlier(submit({.name = "before seed 3 is known", .seeds = {0, 1, 4}})));
  train_all();
  EXPECT_FALSE(extends_earlier(submit({.name = "seed 3 left out", .seeds = {0, 1, 4, 5}})));
}

TEST(ReportReader, AResultThatWasTrainedAgainWasStillKnownBefore) {
  testing::FakeCluster cluster;
  cluster.add_worker();
  const config::Sweep sweep = testing::make_sweep("one", 1);
  cluster.submit(sweep);
  cluster.run_to_end(sweep.trials[0].id);
  cluster.advance(1s);
  const SweepId again = cluster.submit(sweep, /*fresh=*/true).sweep;
  cluster.advance(1s);
  cluster.run_to_end(sweep.trials[0].id);
  auto reader = ReportReader::open(cluster.directory());
  const auto earlier = (*reader)->report(SweepId(1)).value();
  EXPECT_FALSE(earlier.trials.at(0).ended_before);
  EXPECT_EQ(earlier.trials.at(0).trained_again_by, again) << "what the earlier sweep shows is no longer its own";
  const auto data = (*reader)->report(again).value();
  EXPECT_EQ(data.trials.at(0).attempts, 2);
  EXPECT_TRUE(data.trials.at(0).ended_before);
  EXPECT_FALSE(data.trials.at(0).trained_again_by);
}

// Whether the first training had ended makes the difference.
TEST(ReportReader, ATrialThatWasStillOpenAtAFreshSubmissionWasNotReplaced) {
  testing::FakeCluster cluster;
  cluster.add_worker();
  const config::Sweep sweep = testing::make_sweep("one", 1);
  cluster.submit(sweep);
  cluster.advance(1s);
  cluster.submit(sweep, /*fresh=*/true);
  cluster.advance(1s);
  cluster.run_to_end(sweep.trials[0].id);
  auto reader = ReportReader::open(cluster.directory());
  const auto data = (*reader)->report(SweepId(1)).value();
  EXPECT_EQ(data.trials.at(0).attempts, 1);
  EXPECT_FALSE(data.trials.at(0).trained_again_by);
}

// Seeds that were trained again until they pleased are no start for an extension.
TEST_F(Extension, OfReplacedResultsNamesWhoReplacedThem) {
  submit({.name = "first", .seeds = {0, 1}});
  train_all();
  cluster_.advance(1s);
  const SweepId fresh = cluster_.submit(study({.name = "first", .seeds = {0, 1}}), /*fresh=*/true).sweep;
  train_all();
  const SweepId grown = submit({.name = "grown", .seeds = {0, 1, 2}});
  const auto reader = ReportReader::open(cluster_.directory()).value();
  const auto data = reader->report(grown).value();
  for (const auto& row : data.trials) {
    EXPECT_EQ(row.trained_again_by, row.seed < 2 ? std::optional(fresh) : std::nullopt) << row.variant << row.seed;
  }
  const auto part = reader->rows_of(grown, {.most = 1}).value();
  EXPECT_TRUE(part.trained_again.empty()) << "looked for once, with the last part";
  const auto last = reader->rows_of(grown, {.from = part.next}).value();
  for (const auto& row : data.trials)
    EXPECT_EQ(last.trained_again.contains(row.trial), row.trained_again_by.has_value());
}

// What an attempt that was lost had come to tells nothing: the trial goes on.
TEST(ReportReader, ALostAttemptWasNoResult) {
  testing::FakeCluster cluster;
  const WorkerId worker = cluster.add_worker();
  const config::Sweep sweep = testing::make_sweep("one", 1);
  cluster.submit(sweep);
  cluster.join_all(sweep.trials[0].id);
  cluster.fail(worker, sweep.trials[0].id, EndReason::kTrainerCrashed);
  cluster.free_slot(worker, sweep.trials[0].id);
  cluster.advance(1s);
  const SweepId later = cluster.submit(testing::make_sweep("two", 1)).sweep;
  cluster.advance(1s);
  cluster.run_to_end(sweep.trials[0].id);
  auto reader = ReportReader::open(cluster.directory());
  const auto data = (*reader)->report(later).value();
  EXPECT_EQ(data.trials.at(0).attempts, 2);
  EXPECT_FALSE(data.trials.at(0).ended_before);
}

}  // namespace
}  // namespace autonorm::store
