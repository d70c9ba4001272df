#include "core/checkpoint/checkpoint.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "core/base/durable_file.h"
#include "core/base/log.h"
#include "core/base/philox.h"
#include "core/checkpoint/manifest.h"
#include "gmock/gmock.h"

namespace autonorm::checkpoint {
namespace {

using std::filesystem::path;
using testing::AllOf;
using testing::HasSubstr;

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest()
      : parent_(path(testing::TempDir()) /
                (std::string("ckpt.") + testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(parent_);
  }
  ~CheckpointTest() override { std::filesystem::remove_all(parent_); }

  static Checkpoint sample(int64_t step) {
    return {.trial = TrialId(std::string(64, 'a')),
            .step = step,
            .config = {{"seed", 3}, {"train", {{"lr", 3e-3}}}},
            .host_state = {{"best", 0.1 + 0.2}, {"sum", 1e-310}, {"epoch", 2}},
            .tensors = {{"model.w", at::arange(20, at::kFloat).reshape({4, 5})},
                        {"adam.step", at::full({}, step, at::kLong)}}};
  }
  path save_step(int64_t step) {
    auto folder = save(parent_, sample(step));
    EXPECT_TRUE(folder.ok()) << folder.status().message();
    return *folder;
  }
  static std::string content(const path& file) { return *read_file(file); }
  static void overwrite(const path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }

  const path parent_;
};

TEST_F(CheckpointTest, RoundTrip) {
  const path folder = save_step(120);
  EXPECT_EQ(folder, parent_ / "step-120");
  const auto loaded = load(folder);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  const Checkpoint expected = sample(120);
  EXPECT_EQ(loaded->trial, expected.trial);
  EXPECT_EQ(loaded->step, 120);
  EXPECT_EQ(loaded->config, expected.config);
  EXPECT_EQ(loaded->host_state, expected.host_state);  // doubles come back bit for bit
  ASSERT_EQ(loaded->tensors.size(), 2u);
  EXPECT_EQ(loaded->tensors[0].first, "model.w");
  EXPECT_TRUE(at::equal(loaded->tensors[0].second, expected.tensors[0].second));
  EXPECT_EQ(tensors_sha256(loaded->tensors), tensors_sha256(expected.tensors));
}

TEST_F(CheckpointTest, NothingElseIsLeftBehind) {
  save_step(1);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(parent_))
    names.push_back(entry.path().filename());
  EXPECT_THAT(names, testing::UnorderedElementsAre("step-1", "manifest.json", "state.safetensors"));
}

TEST_F(CheckpointTest, SavingTheSameStepAgainReplacesIt) {
  save_step(5);
  Checkpoint other = sample(5);
  other.host_state["epoch"] = 9;
  ASSERT_TRUE(save(parent_, other).ok());
  EXPECT_EQ(load(parent_ / "step-5")->host_state["epoch"], 9);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(parent_), {}), 1);
}

TEST_F(CheckpointTest, EveryTruncationOfEitherFileIsFound) {
  const path folder = save_step(7);
  for (const char* name : {"state.safetensors", "manifest.json"}) {
    const std::string whole = content(folder / name);
    for (size_t length = 0; length < whole.size(); length += std::max<size_t>(1, whole.size() / 100)) {
      overwrite(folder / name, whole.substr(0, length));
      const auto loaded = load(folder);
      ASSERT_FALSE(loaded.ok()) << name << " cut to " << length;
      EXPECT_EQ(loaded.status().code(), Code::kInvalid);
      EXPECT_THAT(loaded.status().message(), HasSubstr(name));
    }
    overwrite(folder / name, whole);
  }
  EXPECT_TRUE(load(folder).ok());
}

TEST_F(CheckpointTest, EveryFlippedBitIsFound) {
  const path folder = save_step(7);
  const RandomStream random(1, "test", "flipped bits");
  uint64_t draw = 0;
  for (const char* name : {"state.safetensors", "manifest.json"}) {
    const std::string whole = content(folder / name);
    for (int i = 0; i < 500; ++i) {
      std::string damaged = whole;
      const size_t at = random.word(draw++) % damaged.size();
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.word(draw++) % 8));
      overwrite(folder / name, damaged);
      const auto loaded = load(folder);
      ASSERT_FALSE(loaded.ok()) << name << ", byte " << at;
      EXPECT_THAT(loaded.status().message(), HasSubstr(name));
    }
    overwrite(folder / name, whole);
  }
}

TEST_F(CheckpointTest, ADamagedStateNamesBothHashes) {
  const path folder = save_step(7);
  std::string bytes = content(folder / "state.safetensors");
  bytes.back() ^= 1;
  overwrite(folder / "state.safetensors", bytes);
  EXPECT_THAT(load(folder).status().message(),
              AllOf(HasSubstr("state.safetensors: expected SHA-256 "), HasSubstr(", found ")));
}

TEST_F(CheckpointTest, TheNewestUsableOneIsTakenAndTheOthersReasonIsLogged) {
  save_step(9);
  save_step(80);
  const path broken = save_step(100);
  std::filesystem::create_directories(parent_ / "step-x");
  overwrite(broken / "manifest.json", "{}");
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel, const std::string& text) { lines.push_back(text); });
  const auto found = newest(parent_);
  set_log_sink([](LogLevel, const std::string&) {});  // `lines` goes away
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, parent_ / "step-80");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], AllOf(HasSubstr("step-100 is passed over"), HasSubstr("manifest")));
}

TEST_F(CheckpointTest, NoneIsNotFound) {
  EXPECT_EQ(newest(parent_).status().code(), Code::kNotFound);
  EXPECT_EQ(load(parent_ / "step-1").status().code(), Code::kNotFound);
}

TEST_F(CheckpointTest, RetainKeepsTheNewestByNumber) {
  for (const int64_t step : {9, 10, 100, 20}) save_step(step);
  ASSERT_TRUE(retain(parent_, 2).ok());
  EXPECT_FALSE(std::filesystem::exists(parent_ / "step-9"));
  EXPECT_FALSE(std::filesystem::exists(parent_ / "step-10"));
  EXPECT_TRUE(std::filesystem::exists(parent_ / "step-20"));
  EXPECT_TRUE(std::filesystem::exists(parent_ / "step-100"));
}

TEST_F(CheckpointTest, ANumberThatJsonCannotHoldIsRefusedByName) {
  Checkpoint bad = sample(1);
  bad.host_state["losses"] = {1.0, std::numeric_limits<double>::infinity()};
  const auto saved = save(parent_, bad);
  ASSERT_EQ(saved.status().code(), Code::kInvalid);
  EXPECT_THAT(saved.status().message(), HasSubstr("host_state.losses.1"));
  EXPECT_TRUE(std::filesystem::is_empty(parent_));
}

// A limit on the size of files stands for a full disk: the write of the state fails half-way.
TEST_F(CheckpointTest, AFailedWriteIsNamedKeepsTheOneBeforeAndLeavesNothing) {
  save_step(1);
  Checkpoint large = sample(2);
  large.tensors.emplace_back("large", at::zeros({100'000}));
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{.rlim_cur = 100'000, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto saved = save(parent_, large);
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(saved.ok());
  EXPECT_THAT(saved.status().message(),
              AllOf(HasSubstr("saving checkpoint"), HasSubstr("step-2"), HasSubstr("File too large")));
  EXPECT_EQ(*newest(parent_), parent_ / "step-1");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(parent_), {}), 1);
}

TEST_F(CheckpointTest, AParentThatIsAFileIsNamed) {
  overwrite(parent_, "a file");
  const auto saved = save(parent_, sample(1));
  ASSERT_FALSE(saved.ok());
  EXPECT_THAT(saved.status().message(), HasSubstr(parent_.string()));
}

TEST(Manifest, ANewerFormatIsAConflictThatNamesBoth) {
  auto text = write_manifest({.trial = TrialId("t"), .step = 1, .config = {}, .host_state = {}, .files = {}});
  ASSERT_TRUE(text.ok());
  text->replace(text->find("\"format\": 1"), 11, "\"format\": 2");
  const auto parsed = parse_manifest(*text, "m.json");
  ASSERT_EQ(parsed.status().code(), Code::kConflict);
  EXPECT_THAT(parsed.status().message(), AllOf(HasSubstr("format 2"), HasSubstr("reads 1")));
}

TEST(Manifest, DeepNestingIsAnErrorAndNoCrash) {
  const std::string deep = "{\"config\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  EXPECT_EQ(parse_manifest(deep, "m.json").status().code(), Code::kInvalid);
}

TEST(TensorsHash, DependsOnNameTypeShapeOrderAndBytes) {
  const at::Tensor w = at::arange(6, at::kFloat);
  const auto base = tensors_sha256({{"a", w}, {"b", w}});
  EXPECT_EQ(base, tensors_sha256({{"a", w.clone()}, {"b", w.clone()}}));
  EXPECT_NE(base, tensors_sha256({{"b", w}, {"a", w}}));
  EXPECT_NE(base, tensors_sha256({{"a", w.reshape({2, 3})}, {"b", w}}));
  EXPECT_NE(base, tensors_sha256({{"a", w.to(at::kDouble)}, {"b", w}}));
  EXPECT_NE(base, tensors_sha256({{"a", w.add(1)}, {"b", w}}));
  EXPECT_EQ(tensors_sha256({{"a", w.reshape({2, 3}).t()}}),
            tensors_sha256({{"a", w.reshape({2, 3}).t().contiguous()}}));
}

}  // namespace
}  // namespace autonorm::checkpoint
