#include "core/base/sha256.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace autonorm {
namespace {

// FIPS 180-4 example messages.
TEST(Sha256Function, ReproducesPublishedVectors) {
  EXPECT_EQ(sha256("").value(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc").value(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").value(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')).value(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Stream, DoesNotDependOnThePieces) {
  const std::string text(1000, 'x');
  for (const size_t piece : {1, 7, 64, 999}) {
    Sha256Stream stream;
    for (size_t at = 0; at < text.size(); at += piece) {
      stream.update(text.data() + at, std::min(piece, text.size() - at));
    }
    EXPECT_EQ(stream.finish(), sha256(text)) << "piece " << piece;
  }
}

TEST(Sha256File, HashesTheBytesOfTheFile) {
  const auto path = std::filesystem::path(testing::TempDir()) / "sha256-file-test";
  const std::string content(3'000'000, '\0');  // more than one buffer
  std::ofstream(path, std::ios::binary) << content;
  const auto hash = sha256_file(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(hash.ok()) << hash.status().message();
  EXPECT_EQ(*hash, sha256(content));
}

TEST(Sha256File, NamesAFileThatIsNotThere) {
  const auto hash = sha256_file("/nonexistent/weights.bin");
  ASSERT_FALSE(hash.ok());
  EXPECT_EQ(hash.status().code(), Code::kNotFound);
  EXPECT_NE(hash.status().message().find("/nonexistent/weights.bin"), std::string::npos);
}

TEST(Sha256File, RefusesAFolder) { EXPECT_FALSE(sha256_file(testing::TempDir()).ok()); }

}  // namespace
}  // namespace autonorm
