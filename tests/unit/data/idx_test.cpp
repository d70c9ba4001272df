#include "core/data/idx.h"

#include "core/base/sha256.h"
#include "gmock/gmock.h"
#include "tests/unit/data/sample_files.h"

namespace autonorm::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string failure_of(const std::filesystem::path& file, int rank) {
  const auto array = read_idx(file, rank);
  if (array.ok()) return "";
  EXPECT_EQ(array.status().code(), Code::kInvalid);
  EXPECT_THAT(array.status().message(), HasSubstr(file.string()));
  return array.status().message();
}

TEST(Idx, ReadsPlainAndCompressedAlike) {
  const SampleFolder folder;
  const std::string bytes = idx_bytes({4, 3, 2});
  for (const auto& file : {folder.write("plain", bytes), folder.write("packed.gz", gzip(bytes))}) {
    const auto array = read_idx(file, 3);
    ASSERT_TRUE(array.ok()) << array.status().message();
    EXPECT_EQ(array->sizes, (std::vector<int64_t>{4, 3, 2}));
    EXPECT_EQ(std::string(array->data(), array->data() + 24), bytes.substr(16));
    EXPECT_EQ(array->digest, sha256(bytes));
  }
}

TEST(Idx, EveryTruncationIsNoticedWithItsOffset) {
  const SampleFolder folder;
  const std::string whole = idx_bytes({4, 3, 2});
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT(failure_of(folder.write("cut", whole.substr(0, length)), 3),
                AllOf(HasSubstr("byte " + std::to_string(length)), HasSubstr("truncated")))
        << "cut to " << length;
  }
}

TEST(Idx, SaysWhatTheHeaderPromised) {
  const SampleFolder folder;
  EXPECT_THAT(failure_of(folder.write("cut", idx_bytes({4, 3, 2}).substr(0, 30)), 3),
              HasSubstr("expected 40 bytes (header 16 + 4 x 3 x 2), found the end of the file after 30 bytes"));
  EXPECT_THAT(failure_of(folder.write("long", idx_bytes({4, 3, 2}) + "zz"), 3),
              AllOf(HasSubstr("byte 40"), HasSubstr("2 more bytes")));
}

TEST(Idx, WrongMagicTypeAndRankAreNamed) {
  const SampleFolder folder;
  EXPECT_THAT(failure_of(folder.write("png", "\x89PNG and more"), 3),
              AllOf(HasSubstr("byte 0"), HasSubstr("IDX magic 0x00000803"), HasSubstr("0x89504e47")));
  EXPECT_THAT(failure_of(folder.write("floats", big_endian(0x0d03) + std::string(40, '\0')), 3),
              AllOf(HasSubstr("byte 2"), HasSubstr("0x08 (unsigned byte)"), HasSubstr("found 0x0d")));
  EXPECT_THAT(
      failure_of(folder.write("labels", idx_bytes({5})), 3),
      AllOf(HasSubstr("byte 3"), HasSubstr("3 dimensions (images)"), HasSubstr("found 1 (is it a label file?)")));
}

TEST(Idx, SizesThatOverflowOrAreZeroAreRefused) {
  const SampleFolder folder;
  const std::string huge =
      big_endian(0x0803) + big_endian(0xffffffff) + big_endian(0xffffffff) + big_endian(0xffffffff);
  EXPECT_THAT(failure_of(folder.write("huge", huge), 3), HasSubstr("sizes from 1 on that fit a data file"));
  EXPECT_THAT(failure_of(folder.write("zero", idx_bytes({0, 3, 2})), 3), HasSubstr("byte 4"));
}

TEST(IdxPair, LabelsBelongToImages) {
  const SampleFolder folder;
  const auto images = folder.write("images", idx_bytes({4, 3, 2}));
  const auto pair = read_idx_pair(images, folder.write("labels", idx_bytes({4}, 3)), 10);
  ASSERT_TRUE(pair.ok()) << pair.status().message();
  EXPECT_EQ(pair->labels, (std::vector<uint8_t>{0, 1, 2, 0}));
  EXPECT_EQ(pair->height, 3);
  EXPECT_EQ(pair->width, 2);

  const auto fewer = read_idx_pair(images, folder.write("three", idx_bytes({3}, 3)), 10);
  ASSERT_FALSE(fewer.ok());
  EXPECT_THAT(fewer.status().message(), AllOf(HasSubstr("three: byte 4"), HasSubstr("4 labels"), HasSubstr("found 3")));
}

TEST(IdxPair, ALabelOutOfRangeIsNamedWithItsByte) {
  const SampleFolder folder;
  const auto pair =
      read_idx_pair(folder.write("images", idx_bytes({4, 3, 2})), folder.write("labels", idx_bytes({4}, 4)), 3);
  ASSERT_FALSE(pair.ok());
  EXPECT_THAT(pair.status().message(),
              AllOf(HasSubstr("labels: byte 11"), HasSubstr("a label from 0 to 2"), HasSubstr("found 3")));
}

TEST(IdxPair, TheFingerprintIsThatOfBothContentsInOrder) {
  const SampleFolder folder;
  const std::string images = idx_bytes({4, 3, 2}), labels = idx_bytes({4}, 3);
  Sha256Stream stream;
  ASSERT_TRUE(read_idx_pair(folder.write("images.gz", gzip(images)), folder.write("labels", labels), 10, &stream).ok());
  EXPECT_EQ(stream.finish(), sha256(images + labels));
}

}  // namespace
}  // namespace autonorm::data
