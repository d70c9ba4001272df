#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "core/base/durable_file.h"
#include "core/checkpoint/safetensors.h"
#include "gmock/gmock.h"

namespace autonorm::checkpoint {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::filesystem::path file_of_test() {
  return std::filesystem::path(testing::TempDir()) /
         (std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + ".safetensors");
}

// A file with this header text and this much data.
std::string file_bytes(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + header + std::string(data_bytes, '\1');
}

std::string failure_of(const std::string& bytes) {
  const auto tensors = parse_safetensors(bytes, "x.safetensors");
  if (tensors.ok()) return "it was read";
  EXPECT_EQ(tensors.status().code(), Code::kInvalid);
  EXPECT_THAT(tensors.status().message(), HasSubstr("x.safetensors: "));
  return tensors.status().message();
}

NamedTensors samples() {
  NamedTensors tensors;
  for (const auto type :
       {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort, at::kChar, at::kByte}) {
    tensors.emplace_back(std::string("t.") + c10::toString(type), at::arange(12, type).reshape({3, 4}));
  }
  tensors.emplace_back("flag", at::arange(3).gt(1));
  tensors.emplace_back("scalar", at::full({}, 2.5));
  tensors.emplace_back("empty", at::zeros({0, 5}));
  tensors.emplace_back("view", at::arange(12).reshape({3, 4}).t());
  return tensors;
}

TEST(Safetensors, RoundTripKeepsNamesOrderTypesShapesAndBytes) {
  ASSERT_TRUE(write_safetensors(file_of_test(), samples(), {{"why", "test"}}).ok());
  const auto read = read_safetensors(file_of_test());
  ASSERT_TRUE(read.ok()) << read.status().message();
  const auto expected = samples();
  ASSERT_EQ(read->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ((*read)[i].first, expected[i].first);
    EXPECT_EQ((*read)[i].second.scalar_type(), expected[i].second.scalar_type()) << expected[i].first;
    EXPECT_EQ((*read)[i].second.sizes(), expected[i].second.sizes()) << expected[i].first;
    EXPECT_TRUE(at::equal((*read)[i].second, expected[i].second)) << expected[i].first;
  }
}

TEST(Safetensors, DataStartsAtAMultipleOfEight) {
  ASSERT_TRUE(write_safetensors(file_of_test(), samples(), {}).ok());
  const auto bytes = read_file(file_of_test());
  ASSERT_TRUE(bytes.ok());
  uint64_t header = 0;
  std::memcpy(&header, bytes->data(), 8);
  EXPECT_EQ(header % 8, 0u);
}

TEST(Safetensors, NoTensorsAreAFileToo) {
  ASSERT_TRUE(write_safetensors(file_of_test(), {}, {}).ok());
  const auto read = read_safetensors(file_of_test());
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read->empty());
}

TEST(Safetensors, TwoOfOneNameOrAForeignTypeAreRefused) {
  const auto twice = write_safetensors(file_of_test(), {{"w", at::zeros({1})}, {"w", at::zeros({1})}}, {});
  EXPECT_THAT(twice.message(), HasSubstr("two tensors are called 'w'"));
  const auto complex = write_safetensors(file_of_test(), {{"c", at::zeros({1}, at::kComplexFloat)}}, {});
  EXPECT_THAT(complex.message(), AllOf(HasSubstr("'c'"), HasSubstr("ComplexFloat")));
}

TEST(Safetensors, EveryTruncationIsNoticed) {
  ASSERT_TRUE(write_safetensors(file_of_test(), samples(), {}).ok());
  const auto whole = read_file(file_of_test());
  ASSERT_TRUE(whole.ok());
  for (size_t length = 0; length < whole->size(); ++length)
    EXPECT_NE(failure_of(whole->substr(0, length)), "it was read") << length;
  EXPECT_THAT(failure_of(*whole + "x"), HasSubstr("data bytes"));
}

TEST(Safetensors, HeadersThatLieAreNamed) {
  const auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  EXPECT_THAT(failure_of(file_bytes(entry(R"("F8")", "[1]", "[0,1]"), 1)),
              AllOf(HasSubstr("'w'"), HasSubstr("\"F8\"")));
  EXPECT_THAT(failure_of(file_bytes(entry("7", "[1]", "[0,1]"), 1)), HasSubstr("dtype"));
  EXPECT_THAT(failure_of(file_bytes(entry(R"("U8")", "[-1]", "[0,1]"), 1)), HasSubstr("shape"));
  EXPECT_THAT(failure_of(file_bytes(entry(R"("U8")", "[1.5]", "[0,1]"), 1)), HasSubstr("shape"));
  EXPECT_THAT(failure_of(file_bytes(entry(R"("U8")", "[2]", "[0,1]"), 1)), HasSubstr("does not fill"));
  EXPECT_THAT(failure_of(file_bytes(entry(R"("U8")", "[1]", "[0,9]"), 1)), HasSubstr("within the 1 data bytes"));
  EXPECT_THAT(failure_of(file_bytes(entry(R"("U8")", "[1]", "[1,0]"), 1)), HasSubstr("data_offsets"));
  EXPECT_THAT(failure_of(file_bytes(entry(R"("F64")", "[4294967296,4294967296,4294967296]", "[0,8]"), 8)),
              HasSubstr("does not fill"));
  EXPECT_THAT(failure_of(file_bytes(R"({"w":3})", 0)), HasSubstr("expected dtype, shape and data_offsets"));
  EXPECT_THAT(failure_of(file_bytes("[]", 0)), HasSubstr("no JSON object"));
  EXPECT_THAT(failure_of(file_bytes("{", 0)), HasSubstr("no JSON object"));
}

TEST(Safetensors, DeepNestingIsAnErrorAndNoCrash) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_NE(failure_of(file_bytes(R"({"w":{"dtype":"U8","shape":)" + deep + R"(,"data_offsets":[0,1]}})", 1)),
            "it was read");
  EXPECT_NE(failure_of(file_bytes(std::string(1'000'000, '['), 0)), "it was read");
}

TEST(Safetensors, OverlapsAndGapsAreNoticed) {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}";
  };
  EXPECT_THAT(failure_of(file_bytes(two("[0,2]", "[1,3]"), 3)), HasSubstr("overlaps"));
  EXPECT_THAT(failure_of(file_bytes(two("[0,2]", "[3,5]"), 5)), HasSubstr("a gap"));
  const auto swapped = parse_safetensors(file_bytes(two("[2,4]", "[0,2]"), 4), "x");
  ASSERT_TRUE(swapped.ok());
  EXPECT_EQ(swapped->front().first, "b");  // in the order of the data
}

TEST(Safetensors, AHeaderLengthBeyondTheFileIsNoticedWithoutReadingIt) {
  std::string bytes(8, '\xff');
  EXPECT_THAT(failure_of(bytes + "{}"), HasSubstr("does not fit"));
}

// Independent reader: Python's standard library only.
constexpr const char* kPythonReader = R"(
import json, struct, sys
raw = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:8 + n])
metadata = header.pop("__metadata__")
data = raw[8 + n:]
for name, entry in header.items():
    begin, end = entry["data_offsets"]
    code = {"F32": "f", "F64": "d", "I64": "q", "U8": "B"}.get(entry["dtype"])
    if code:
        values = [x for (x,) in struct.iter_unpack("<" + code, data[begin:end])]
        print(name, entry["dtype"], entry["shape"], sum(values), sep="|")
print(metadata["why"])
)";

TEST(Safetensors, PythonReadsTheSame) {
  ASSERT_TRUE(write_safetensors(file_of_test(), samples(), {{"why", "parity"}}).ok());
  const auto script = file_of_test().string() + ".py";
  ASSERT_TRUE(write_file_durably(script, kPythonReader).ok());
  FILE* pipe = popen(("python3 " + script + " " + file_of_test().string() + " 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string out;
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
  if (pclose(pipe) != 0 && out.find("not found") != std::string::npos) GTEST_SKIP() << "no python3: " << out;
  EXPECT_EQ(out,
            "t.Double|F64|[3, 4]|66.0\nt.Float|F32|[3, 4]|66.0\nt.Long|I64|[3, 4]|66\nt.Byte|U8|[3, 4]|66\n"
            "scalar|F32|[]|2.5\nempty|F32|[0, 5]|0\nview|I64|[4, 3]|66\nparity\n");
}

}  // namespace
}  // namespace autonorm::checkpoint
