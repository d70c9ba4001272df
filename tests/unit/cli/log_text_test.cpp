#include "coordinator/cli/log_text.h"

#include <gtest/gtest.h>

#include "coordinator/cli/wording.h"

namespace autonorm::cli {
namespace {

store::AttemptSummary killed() {
  store::AttemptSummary attempt;
  attempt.trial = TrialId("0123456789abcdef");
  attempt.number = Attempt(2);
  attempt.assigned = wall_from_us(1'700'000'000'000'000);
  attempt.ended = wall_from_us(1'700'000'061'000'000);
  attempt.end = EndReason::kHostOom;
  attempt.message = "the kernel ended the trainer";
  attempt.signal = 9;
  attempt.tail = {"epoch 3", "allocating"};
  attempt.memory = {.resident_bytes = int64_t{3} << 29, .limit_bytes = int64_t{2} << 30, .oom_kills = 1};
  return attempt;
}

TEST(LogText, AnAttemptThatFailedTellsWhyWithItsMemoryAndLastLines) {
  EXPECT_EQ(attempt_text(killed()), "trial 0123456789ab, attempt 2, since 2023-11-14T22:13:20Z\n");
  EXPECT_EQ(end_text(killed()),
            "attempt 2 ended 2023-11-14T22:14:21Z: host_oom (SIGKILL): the kernel ended the trainer\n"
            "memory at the end: trainer 1.5 GiB, limit of its control group 2.0 GiB, 1 out-of-memory kill\n"
            "the last 2 lines of its output:\n"
            "  epoch 3\n"
            "  allocating\n");
}

TEST(LogText, NoMoreLinesThanWereAskedFor) {
  EXPECT_EQ(end_text(killed(), 1).substr(end_text(killed(), 0).size()),
            "the last line of its output:\n"
            "  allocating\n");
  EXPECT_EQ(end_text(killed(), 0).find("lines"), std::string::npos);
  EXPECT_EQ(end_text(killed(), 7), end_text(killed()));
}

TEST(LogText, WhatIsUnknownIsLeftOut) {
  store::AttemptSummary attempt = killed();
  attempt.end = EndReason::kCompleted;
  attempt.message.clear(), attempt.tail.clear();
  attempt.signal = 0, attempt.memory = {};
  EXPECT_EQ(end_text(attempt), "attempt 2 ended 2023-11-14T22:14:21Z: completed\n");
  attempt.ended.reset();
  EXPECT_EQ(end_text(attempt), "attempt 2 goes on\n");
}

TEST(LogText, RanksAreNamedWhereThereAreSeveral) {
  const store::StoredLine line{.time = wall_from_us(0), .rank = 1, .level = "info", .text = "hello"};
  EXPECT_EQ(line_text(line, 1), "1970-01-01T00:00:00Z info: hello\n");
  EXPECT_EQ(line_text(line, 2), "1970-01-01T00:00:00Z rank 1 info: hello\n");
}

TEST(Wording, Bytes) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(int64_t{5} << 50), "5120.0 TiB");
}

}  // namespace
}  // namespace autonorm::cli
