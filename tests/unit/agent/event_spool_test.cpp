#include "worker/agent/delivery/event_spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <limits>

#include "tests/unit/agent/temporary_folder.h"

namespace autonorm::agent {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<fleet::EventBody> every_body() {
  fleet::Failed failed;
  failed.reason = EndReason::kHostOom;
  failed.message = "memory\nused up";
  failed.signal = 9;
  failed.exit_code = 1;
  failed.log_tail = {"a", "b"};
  failed.unusable = Sha256(std::string(64, 'e'));
  return {fleet::Ready{"listening", "h:1"},
          fleet::Metrics{{{"train/loss", 3, 0.5}, {"train/lr", 3, -kInfinity}}},
          fleet::NormStats{{{"block0.pre_attn", 2, {{"w0", 0.25}, {"w1", kInfinity}}}}},
          fleet::CheckpointSaved{7, Sha256(std::string(64, 'a')), 99},
          fleet::LogLine{"info", "text"},
          fleet::Finished{
              EndReason::kDiverged, {{"test/accuracy", 0.5}}, {{"k", "v"}}, {{"w", "h"}}, {{"model", Sha256("cd")}}},
          failed};
}

fleet::Metrics point(int64_t step) { return {{{"m", step, 1.0}}}; }

EventSpool open(const std::filesystem::path& folder) {
  auto spool = EventSpool::open(folder);
  EXPECT_TRUE(spool.ok()) << spool.status().message();
  return *std::move(spool);
}

TEST(EventJson, EveryBodySurvivesTheFile) {
  int64_t seq = 0;
  for (const auto& body : every_body()) {
    const SpooledEvent event{Seq(++seq), body, {"outbox/step-7"}};
    const std::string line = encode_line(event);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto back = decode_line(line);
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_EQ(*back, event) << line;
  }
}

TEST(EventJson, DamagedLinesAreRefused) {
  for (const char* line :
       {"", "{}", R"({"seq":1,"needs":[],"event":{"type":"dance"}})",
        R"({"seq":1,"needs":[],"event":{"type":"failed","reason":"boredom"}})", R"({"seq":1,"needs":[],"ev)"}) {
    const auto result = decode_line(line);
    ASSERT_FALSE(result.ok()) << line;
    EXPECT_EQ(result.status().code(), Code::kInvalid);
  }
}

TEST(EventSpool, NumbersEventsFromOneAndReadsThemBack) {
  const TemporaryFolder folder;
  EventSpool spool = open(folder.path());
  ASSERT_TRUE(spool.append(point(1)).ok());
  ASSERT_TRUE(spool.append(point(2), {"outbox/x"}).ok());
  EXPECT_EQ(spool.last(), Seq(2));
  const auto second = spool.read(Seq(2));
  ASSERT_TRUE(second.ok() && *second);
  EXPECT_EQ(**second, (SpooledEvent{Seq(2), point(2), {"outbox/x"}}));
  EXPECT_FALSE(spool.read(Seq(3))->has_value());
}

TEST(EventSpool, AcknowledgedEventsAreGoneAndAcksMayRepeat) {
  const TemporaryFolder folder;
  EventSpool spool = open(folder.path());
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(spool.append(point(i)).ok());
  EXPECT_TRUE(spool.ack(Seq(3)).ok());
  EXPECT_TRUE(spool.ack(Seq(2)).ok());
  EXPECT_TRUE(spool.ack(Seq(99)).ok());  // beyond what was ever sent: not ours
  EXPECT_EQ(spool.acked(), Seq(3));
  EXPECT_FALSE(spool.read(Seq(3))->has_value());
  EXPECT_TRUE(spool.read(Seq(4))->has_value());
  EXPECT_FALSE(spool.done());
}

TEST(EventSpool, ARestartFindsWhatWasAppended) {
  const TemporaryFolder folder;
  {
    EventSpool spool = open(folder.path());
    for (const auto& body : every_body()) {
      if (is_terminal(body)) continue;
      ASSERT_TRUE(spool.append(body).ok());
    }
    ASSERT_TRUE(spool.append(fleet::Finished{}).ok());
  }
  EventSpool again = open(folder.path());
  EXPECT_EQ(again.last(), Seq(6));
  EXPECT_TRUE(again.terminal());
  ASSERT_TRUE(again.ack(Seq(6)).ok());
  EXPECT_TRUE(again.done());
}

TEST(EventSpool, ATornLastLineIsCutOffAndOverwritten) {
  const TemporaryFolder folder;
  {
    EventSpool spool = open(folder.path());
    ASSERT_TRUE(spool.append(point(1)).ok());
    ASSERT_TRUE(spool.append(point(2)).ok());
  }
  const auto file = folder.path() / "events.jsonl";
  const auto whole = std::filesystem::file_size(file);
  std::filesystem::resize_file(file, whole - 3);
  EventSpool again = open(folder.path());
  EXPECT_EQ(again.last(), Seq(1));
  ASSERT_TRUE(again.append(point(2)).ok());
  EXPECT_EQ(std::filesystem::file_size(file), whole);
  EXPECT_EQ(open(folder.path()).last(), Seq(2));
}

TEST(EventSpool, GarbageInTheMiddleEndsTheSpoolThere) {
  const TemporaryFolder folder;
  {
    EventSpool spool = open(folder.path());
    for (int i = 1; i <= 3; ++i) ASSERT_TRUE(spool.append(point(i)).ok());
  }
  std::fstream file(folder.path() / "events.jsonl", std::ios::in | std::ios::out);
  std::string first;
  std::getline(file, first);
  file.seekp(static_cast<std::streamoff>(first.size()) + 1);
  file << "#";
  file.close();
  EXPECT_EQ(open(folder.path()).last(), Seq(1));
}

TEST(EventSpool, AFullDiskRefusesAnEventAndNothingIsTorn) {
  const TemporaryFolder folder;
  EventSpool spool = open(folder.path());
  ASSERT_TRUE(spool.append(point(1)).ok());
  // A limit on file sizes in the middle of the second line stands for the full disk.
  rlimit unlimited{};
  getrlimit(RLIMIT_FSIZE, &unlimited);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit full = unlimited;
  full.rlim_cur = std::filesystem::file_size(folder.path() / "events.jsonl") + 10;
  setrlimit(RLIMIT_FSIZE, &full);
  const Status refused = spool.append(point(2));
  setrlimit(RLIMIT_FSIZE, &unlimited);
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(spool.last(), Seq(1));
  ASSERT_TRUE(spool.append(fleet::LogLine{"info", "space again"}).ok());
  EventSpool again = open(folder.path());
  EXPECT_EQ(again.last(), Seq(2));
  EXPECT_EQ((**again.read(Seq(2))).body, fleet::EventBody(fleet::LogLine{"info", "space again"}));
}

TEST(EventSpool, NothingFollowsATerminalEvent) {
  const TemporaryFolder folder;
  EventSpool spool = open(folder.path());
  ASSERT_TRUE(spool.append(fleet::Failed{}).ok());
  EXPECT_EQ(spool.append(point(1)).code(), Code::kConflict);
}

TEST(EventSpool, ALargeFileIsEmptiedOnceEverythingIsAcknowledged) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "events.jsonl";
  auto spool = EventSpool::open(folder.path(), /*compact_bytes=*/1000);
  ASSERT_TRUE(spool.ok());
  for (int i = 1; i <= 30; ++i) ASSERT_TRUE(spool->append(point(i)).ok());
  const auto before = std::filesystem::file_size(file);
  ASSERT_TRUE(spool->ack(Seq(29)).ok());
  EXPECT_EQ(std::filesystem::file_size(file), before);
  ASSERT_TRUE(spool->ack(Seq(30)).ok());
  EXPECT_LT(std::filesystem::file_size(file), 20U);
  ASSERT_TRUE(spool->append(point(31)).ok());
  EventSpool again = open(folder.path());
  EXPECT_EQ(again.acked(), Seq(30));
  EXPECT_EQ(again.last(), Seq(31));
  EXPECT_EQ((**again.read(Seq(31))).body, fleet::EventBody(point(31)));
}

}  // namespace
}  // namespace autonorm::agent
