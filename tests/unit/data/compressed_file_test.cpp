#include "core/data/compressed_file.h"

#include "gmock/gmock.h"
#include "tests/unit/data/sample_files.h"

namespace autonorm::data {
namespace {

using testing::HasSubstr;

const std::string kText = std::string(5000, 'a') + "middle" + std::string(3000, 'b');

TEST(CompressedFile, PlainFilesComeBackAsTheyAre) {
  const SampleFolder folder;
  const auto content = read_possibly_compressed(folder.write("plain.gz", "no gzip magic"));
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(*content, "no gzip magic");
}

TEST(CompressedFile, GzipIsUnpackedWhateverTheName) {
  const SampleFolder folder;
  const auto content = read_possibly_compressed(folder.write("data.bin", gzip(kText)));
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(*content, kText);
}

TEST(CompressedFile, SeveralMembersAreOneContent) {
  const SampleFolder folder;
  const auto content = read_possibly_compressed(folder.write("two.gz", gzip("one ") + gzip("two")));
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(*content, "one two");
}

TEST(CompressedFile, EveryTruncationIsNoticedAndNamesTheFileAndTheOffset) {
  const SampleFolder folder;
  const std::string whole = gzip(kText);
  for (size_t length = 2; length < whole.size(); ++length) {
    const auto file = folder.write("cut.gz", whole.substr(0, length));
    const auto content = read_possibly_compressed(file);
    ASSERT_FALSE(content.ok()) << "cut to " << length << " bytes";
    EXPECT_EQ(content.status().code(), Code::kInvalid);
    EXPECT_THAT(content.status().message(), HasSubstr(file.string()));
    EXPECT_THAT(content.status().message(), HasSubstr("byte " + std::to_string(length) + " of the compressed file"));
    EXPECT_THAT(content.status().message(), HasSubstr("truncated"));
  }
}

TEST(CompressedFile, AFlippedBitIsNoticedByTheMembersChecksum) {
  const SampleFolder folder;
  std::string damaged = gzip(kText);
  damaged[damaged.size() - 6] ^= 1;  // in the CRC-32 of the trailer
  const auto content = read_possibly_compressed(folder.write("crc.gz", damaged));
  ASSERT_FALSE(content.ok());
  EXPECT_THAT(content.status().message(), HasSubstr("incorrect data check"));
}

TEST(CompressedFile, BytesBehindTheLastMemberAreNoticed) {
  const SampleFolder folder;
  const std::string whole = gzip("x");
  const auto content = read_possibly_compressed(folder.write("tail.gz", whole + "tail"));
  ASSERT_FALSE(content.ok());
  EXPECT_THAT(content.status().message(), HasSubstr("byte " + std::to_string(whole.size())));
  EXPECT_THAT(content.status().message(), HasSubstr("4 bytes of something else"));
}

TEST(CompressedFile, AFileThatUnpacksToTooMuchIsRefused) {
  const SampleFolder folder;
  const auto content = read_possibly_compressed(folder.write("bomb.gz", gzip(std::string(3 << 20, '\0'))), 1 << 20);
  ASSERT_FALSE(content.ok());
  EXPECT_THAT(content.status().message(), HasSubstr("more than 1048576 bytes"));
}

TEST(CompressedFile, AMissingFileIsNotFound) {
  EXPECT_EQ(read_possibly_compressed("/nonexistent/file.gz").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace autonorm::data
