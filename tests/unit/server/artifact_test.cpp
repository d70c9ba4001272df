// Artifact streams of a running server.
#include <gtest/gtest.h>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "tests/unit/server/fake_worker.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::server {
namespace {

std::string patterned(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 2654435761u >> 13);
  return text;
}

TEST(Artifact, ComesBackAsItWasSent) {
  RunningServer server;
  FakeWorker worker(server.address());
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{1} << 20, (size_t{3} << 20) + 17}) {
    const std::string content = patterned(bytes);
    const auto put = worker.put(sha256(content), static_cast<int64_t>(bytes), content);
    ASSERT_TRUE(put.ok()) << put.status().message();
    EXPECT_FALSE(*put);
    const auto got = worker.get(sha256(content));
    ASSERT_TRUE(got.ok()) << got.status().message();
    EXPECT_TRUE(*got == content) << bytes << " bytes";
  }
}

TEST(Artifact, ASecondUploadIsNotNeeded) {
  RunningServer server;
  FakeWorker worker(server.address());
  const std::string content = patterned(5 << 20);
  ASSERT_TRUE(worker.put(sha256(content), static_cast<int64_t>(content.size()), content).ok());
  const auto again = worker.put(sha256(content), static_cast<int64_t>(content.size()), content);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_TRUE(*again);
}

TEST(Artifact, WrongBytesAreRefusedAndLeaveNothing) {
  RunningServer server;
  FakeWorker worker(server.address());
  const Sha256 hash = sha256("what was promised");
  const auto put = worker.put(hash, 4, "else");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.status().code(), Code::kInvalid);
  EXPECT_EQ(worker.get(hash).status().code(), Code::kNotFound);
}

TEST(Artifact, FewerOrMoreBytesThanAnnouncedAreRefused) {
  RunningServer server;
  FakeWorker worker(server.address());
  const Sha256 hash = sha256("four");
  EXPECT_EQ(worker.put(hash, 5, "four").status().message(),
            cat("artifact ", hash, " was announced with 5 bytes, but 4 came"));
  EXPECT_EQ(worker.put(hash, 3, "four").status().message(),
            cat("artifact ", hash, " was announced with 3 bytes, but more came"));
  EXPECT_EQ(worker.put(hash, -1, "four").status().message(), "an artifact cannot have -1 bytes");
}

TEST(Artifact, AChunkHasItsLimit) {
  RunningServer server;
  FakeWorker worker(server.address());
  const std::string content = patterned((1 << 20) + 1);
  EXPECT_EQ(
      worker.put(sha256(content), static_cast<int64_t>(content.size()), content, content.size()).status().message(),
      "a chunk of 1048577 bytes; at most 1048576 are allowed");
}

TEST(Artifact, AnUnknownOrImpossibleHashIsRefused) {
  RunningServer server;
  FakeWorker worker(server.address());
  EXPECT_EQ(worker.get(Sha256(std::string(64, '0'))).status().code(), Code::kNotFound);
  EXPECT_FALSE(worker.get(Sha256("../../autonorm.db")).ok());
  EXPECT_EQ(worker.put(Sha256("../../autonorm.db"), 1, "x").status().code(), Code::kInvalid);
}

}  // namespace
}  // namespace autonorm::server
