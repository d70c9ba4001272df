// Which checkpoints and models stay, and that nothing goes that somebody still needs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "coordinator/server/artifact_collector.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/retention_timer.h"
#include "coordinator/store/artifact_store.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "tests/unit/server/fake_worker.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::server {
namespace {

namespace fs = std::filesystem;

class Gc : public ::testing::Test {
 protected:
  void SetUp() override {
    greet();
    ASSERT_TRUE(client_->submit(small_sweep(1), false, "a").ok());
    start_ = worker_->next<fleet::Start>();
    say(fleet::Ready{"joined", ""});
  }
  void greet() {
    worker_->send(hello_of("w0"));
    worker_->next<fleet::Welcome>();
  }
  void say(fleet::EventBody body) { worker_->send(fleet::Event{start_.key, Seq(++said_), std::move(body)}); }
  void settle() {  // until everything said is committed
    while (worker_->next<fleet::Ack>().seq < Seq(said_)) {
    }
  }
  Sha256 upload(const std::string& content) {
    const Sha256 hash = sha256(content);
    const auto put = worker_->put(hash, static_cast<int64_t>(content.size()), content);
    EXPECT_TRUE(put.ok()) << put.status().message();
    return hash;
  }
  static std::string weights(const std::string& name) { return name + std::string(1000, 'w'); }
  // One file and its manifest.
  Sha256 upload_checkpoint(const std::string& name) {
    const Sha256 file = upload(weights(name));
    return upload(cat(R"({"step": 1, "files": {"state.bin": {"sha256": ")", file, R"(", "bytes": 1}}})"));
  }
  Sha256 checkpoint(int64_t step) {
    const Sha256 manifest = upload_checkpoint(cat("step ", step));
    say(fleet::CheckpointSaved{step, manifest, 1000});
    settle();
    return manifest;
  }
  Sha256 finish() {
    const Sha256 model = upload_checkpoint("model");
    fleet::Finished finished;
    finished.results = {{"test/accuracy", 0.9}};
    finished.artifacts = {{"model", model}};
    say(finished);
    settle();
    return model;
  }
  fs::path artifacts() const { return server_.state() / "artifacts"; }
  // As if everything had been stored three hours ago.
  void age() {
    for (const auto& entry : fs::recursive_directory_iterator(artifacts())) {
      if (entry.is_regular_file())
        fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(3));
    }
  }
  bool there(const Sha256& hash) const { return fs::exists(artifacts() / hash.value().substr(0, 2) / hash.value()); }
  bool complete(const std::string& name, const Sha256& manifest) const {
    return there(manifest) && there(sha256(weights(name)));
  }
  Collected collect(bool remove, int keep = 0, bool models = false) {
    const auto collected = client_->collect_garbage(remove, keep, models, cat("gc ", ++calls_));
    EXPECT_TRUE(collected.ok()) << collected.status().message();
    return collected.ok() ? *collected : Collected{};
  }

  int calls_ = 0;
  RunningServer server_;
  std::unique_ptr<cli::ControlClient> client_ = server_.client();
  std::unique_ptr<FakeWorker> worker_ = std::make_unique<FakeWorker>(server_.address());
  fleet::Start start_;
  int64_t said_ = 0;
};

TEST_F(Gc, TheNewestCheckpointsOfATrialStay) {
  const Sha256 first = checkpoint(10), second = checkpoint(20), third = checkpoint(30);
  age();
  const Collected dry = collect(false);
  EXPECT_EQ(dry.artifacts.files, 2);
  EXPECT_GT(dry.artifacts.bytes, 1000);
  EXPECT_EQ(dry.kept.files, 4);
  EXPECT_TRUE(complete("step 10", first)) << "a dry run changes nothing";

  const Collected done = collect(true);
  EXPECT_EQ(done.artifacts.files, dry.artifacts.files);
  EXPECT_EQ(done.artifacts.bytes, dry.artifacts.bytes);
  EXPECT_FALSE(there(first) || there(sha256(weights("step 10"))));
  EXPECT_TRUE(complete("step 20", second) && complete("step 30", third));
  EXPECT_EQ(collect(true, 1).artifacts.files, 2);
  EXPECT_TRUE(complete("step 30", third));
  EXPECT_EQ(collect(true, 1).artifacts.files, 0);
}

// However often a trial saves, within the hour after which nothing is on the way any more too.
TEST_F(Gc, FreshCheckpointsGoOnceTheirEventsAreCommitted) {
  const Sha256 first = checkpoint(10), second = checkpoint(20), third = checkpoint(30);
  const Sha256 coming = upload_checkpoint("step 40");
  EXPECT_EQ(collect(false).artifacts.files, 2);
  EXPECT_EQ(collect(true).artifacts.files, 2);
  EXPECT_FALSE(there(first) || there(sha256(weights("step 10"))));
  EXPECT_TRUE(complete("step 20", second) && complete("step 30", third));
  EXPECT_TRUE(complete("step 40", coming)) << "its event may be on the way";
}

// The same trial under another id, as `verify` trains it, saves the same bytes: their event may be on the way.
TEST_F(Gc, FreshCheckpointsOfAnEndedAttemptStayForTheHour) {
  checkpoint(10), checkpoint(20);
  const Sha256 model = finish();
  EXPECT_EQ(collect(true, 0, /*models=*/true).artifacts.files, 0);
  age();
  EXPECT_EQ(collect(true).artifacts.files, 4);
  EXPECT_TRUE(complete("model", model));
}

// A file of a checkpoint that is not needed any more is offered again: the worker need not send it.
TEST_F(Gc, AFreshFileThatAnotherUploadSharesStays) {
  checkpoint(10), checkpoint(20), checkpoint(30);
  upload(weights("step 10"));
  EXPECT_EQ(collect(true).artifacts.files, 1) << "the manifest alone";
  EXPECT_TRUE(there(sha256(weights("step 10"))));
  const Sha256 next = upload(cat(R"({"step": 1, "n": 2, "files": {"state.bin": {"sha256": ")",
                                 sha256(weights("step 10")), R"(", "bytes": 1}}})"));
  say(fleet::CheckpointSaved{40, next, 1000});
  settle();
  EXPECT_EQ(collect(true, 1).artifacts.files, 4) << "steps 20 and 30";
  EXPECT_TRUE(there(next) && there(sha256(weights("step 10"))));
}

TEST_F(Gc, ATrialResumesFromWhatWasKeptAfterARestart) {
  checkpoint(10);
  const Sha256 newest = checkpoint(20);
  age();
  EXPECT_EQ(collect(true, 1).artifacts.files, 2);
  fleet::Failed lost;
  lost.reason = EndReason::kWorkerLost;
  say(lost);
  settle();
  worker_.reset();
  client_.reset();
  server_.stop();
  server_.start();
  client_ = server_.client();
  worker_ = std::make_unique<FakeWorker>(server_.address());
  greet();
  for (auto start = worker_->next<fleet::Start>();; start = worker_->next<fleet::Start>()) {
    if (start.key.trial != start_.key.trial) continue;
    EXPECT_EQ(start.resume, (fleet::ResumePoint{newest, 20}));
    break;
  }
  EXPECT_TRUE(worker_->get(newest).ok());
  EXPECT_TRUE(worker_->get(sha256(weights("step 20"))).ok());
}

TEST_F(Gc, FreshFilesStayWhileTheirEventIsOnTheWay) {
  const Sha256 manifest = upload_checkpoint("unannounced");
  EXPECT_EQ(collect(true).artifacts.files, 0);
  age();
  // Offered again: the worker was told that it need not send it.
  upload_checkpoint("unannounced");
  EXPECT_EQ(collect(true).artifacts.files, 0);
  EXPECT_TRUE(complete("unannounced", manifest));
  // A fresh manifest protects an old file that it shares with others.
  age();
  upload(cat(R"({"files": {"state.bin": {"sha256": ")", sha256(weights("unannounced")), R"("}}, "n": 2})"));
  EXPECT_EQ(collect(true).artifacts.files, 1);
  EXPECT_TRUE(there(sha256(weights("unannounced"))));
  age();
  EXPECT_EQ(collect(true).artifacts.files, 2);
}

TEST_F(Gc, ModelsOfFinishedTrialsStayUnlessAskedFor) {
  checkpoint(10);
  const Sha256 model = finish();
  age();
  EXPECT_EQ(collect(true).artifacts.files, 2) << "a trial with a result has no use for its checkpoint";
  EXPECT_TRUE(complete("model", model));
  EXPECT_EQ(collect(true, 0, /*models=*/true).artifacts.files, 2);
  EXPECT_FALSE(there(model));
}

TEST_F(Gc, AnUnreadableManifestStopsEverything) {
  checkpoint(10);
  const Sha256 broken = upload("not a manifest");
  say(fleet::CheckpointSaved{20, broken, 1});
  settle();
  age();
  const auto collected = client_->collect_garbage(true, 1, false, "once");
  EXPECT_EQ(collected.status().code(), Code::kInternal);
  EXPECT_NE(collected.status().message().find(broken.value()), std::string::npos) << collected.status().message();
  EXPECT_TRUE(complete("step 10", sha256(cat(R"({"step": 1, "files": {"state.bin": {"sha256": ")",
                                             sha256(weights("step 10")), R"(", "bytes": 1}}})"))));
}

TEST_F(Gc, BeyondTheBoundOnBytesOlderCheckpointsGoFirst) {
  const Sha256 first = checkpoint(10), second = checkpoint(20), third = checkpoint(30);
  age();
  const SystemClock clock;
  upload("fresh");  // a second store takes the newest file for the time when the first one ended
  const auto store = store::ArtifactStore::open(artifacts(), clock).value();
  ArtifactCollector collector(server_.server().loop(), *store, server_.state(), clock);
  const auto some = collector.collect({.keep_checkpoints = 3, .max_bytes = 2500}, false);
  ASSERT_TRUE(some.ok()) << some.status().message();
  EXPECT_EQ(some->artifacts.files, 2);
  EXPECT_LE(some->kept.bytes, 2500);
  EXPECT_FALSE(there(first));
  EXPECT_TRUE(complete("step 20", second));
  ASSERT_TRUE(collector.collect({.keep_checkpoints = 3, .max_bytes = 1}, false).ok());
  EXPECT_FALSE(there(second));
  EXPECT_TRUE(complete("step 30", third)) << "what is needed stays whatever the bound";
}

// What was chosen before somebody came to need it.
TEST_F(Gc, AChoiceThatIsOutOfDateRemovesNothing) {
  const Sha256 first = checkpoint(10), second = checkpoint(20);
  age();
  EngineLoop& loop = server_.server().loop();
  const WallTime hour_ago = SystemClock().now().wall - std::chrono::hours(1);
  const auto late = loop.remove_artifacts({first, second}, {first}, hour_ago);
  EXPECT_TRUE(late.outdated);
  EXPECT_EQ(late.files, 0);
  EXPECT_TRUE(there(first) && there(second));
  const auto good = loop.remove_artifacts({first}, {second}, hour_ago);
  EXPECT_FALSE(good.outdated);
  EXPECT_EQ(good.files, 1);
  EXPECT_FALSE(there(first));
}

TEST_F(Gc, AnArtifactThatIsDamagedOnDiskIsRefusedAndCanBeStoredAgain) {
  const std::string content = weights("damaged");
  const Sha256 hash = upload(content);
  std::ofstream(artifacts() / hash.value().substr(0, 2) / hash.value()) << std::string(content.size(), 'x');
  const auto got = worker_->get(hash);
  EXPECT_EQ(got.status().code(), Code::kInvalid);
  EXPECT_NE(got.status().message().find("is damaged"), std::string::npos) << got.status().message();
  EXPECT_FALSE(there(hash));
  EXPECT_EQ(worker_->get(hash).status().code(), Code::kNotFound);
  upload(content);
  EXPECT_EQ(worker_->get(hash).value(), content);
}

TEST(RetentionPause, IsShortUnlessACollectionTakesLong) {
  using namespace std::chrono_literals;
  EXPECT_EQ(RetentionTimer::pause_after(0ms), 1min);
  EXPECT_EQ(RetentionTimer::pause_after(2s), 200s);
  EXPECT_EQ(RetentionTimer::pause_after(60s), 10min);
}

TEST_F(Gc, ANumberOutOfRangeIsNamed) {
  EXPECT_EQ(client_->collect_garbage(true, 2000, false, "refused").status().message(),
            "checkpoints to keep: 2000; allowed are 1 to 1000");
}

TEST_F(Gc, AStalledUploadAndOldAttemptsGoToo) {
  std::ofstream(artifacts() / "incoming/1-1") << "half";
  age();
  const fs::path attempt = server_.state() / "work/rank-0/trials/abc/attempt-1";
  fs::create_directories(attempt);
  std::ofstream(server_.state() / "work/rank-0/lock") << "1";
  std::ofstream(attempt / "log.txt") << "12345";
  fs::last_write_time(attempt, fs::file_time_type::clock::now() - std::chrono::hours(24 * 8));
  const Collected dry = collect(false);
  EXPECT_EQ(dry.uploads.files, 1);
  EXPECT_EQ(dry.uploads.bytes, 4);
  EXPECT_EQ(dry.attempts.files, 1);
  EXPECT_EQ(dry.attempts.bytes, 5);
  EXPECT_TRUE(fs::exists(attempt));
  EXPECT_EQ(collect(true).attempts.files, 1);
  EXPECT_FALSE(fs::exists(attempt));
  EXPECT_FALSE(fs::exists(artifacts() / "incoming/1-1"));
}

}  // namespace
}  // namespace autonorm::server
