// Input that nobody means well: it must be refused with a message, never crash, hang or allocate without bound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/philox.h"
#include "tests/unit/config/sweep_fixture.h"

namespace autonorm::config {
namespace {

using testing::HasSubstr;

std::string repeated(const std::string& part, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += part;
  return out;
}

TEST(Hostile, EmptyAndAlmostEmptyFiles) {
  const std::vector<std::string> texts{
      "", "\n", "# nothing\n", "[sweep]", "[[variant]]", "\xEF\xBB\xBF", std::string(1, '\0')};
  for (const std::string& text : texts) {
    EXPECT_THAT(failure(text), HasSubstr("study.toml:")) << text;
  }
  EXPECT_FALSE(expand_sweep({"study.toml", {}}).ok());
  EXPECT_FALSE(expand_sweep({}).ok());
}

TEST(Hostile, DeepBrackets) {
  EXPECT_FALSE(failure(kHead + "[matrix]\ntrain.lr = " + std::string(100000, '[')).empty());
  EXPECT_FALSE(failure(kHead + "[matrix]\ntrain.lr = " + std::string(200, '[') + std::string(200, ']')).empty());
  EXPECT_FALSE(failure(kHead + "base = " + repeated("{ a = ", 250) + "1" + repeated(" }", 250)).empty());
}

TEST(Hostile, EndlessDottedKeys) {
  EXPECT_THAT(failure(kHead + "[base]\n" + repeated("a.", 200000) + "a = 1\n"), HasSubstr("dots in one name"));
  EXPECT_THAT(failure("[" + repeated("a . ", 200000) + "a]\n"), HasSubstr("dots in one name"));
  // As deep as the guards allow: 16 names in each of 250 brackets.
  EXPECT_FALSE(
      failure(kHead + "base = " + repeated("{ " + repeated("a.", 16) + "a = ", 250) + "1" + repeated(" }", 250))
          .empty());
}

TEST(Hostile, DotsInTextsAndCommentsAreHarmless) {
  expanded(kHead +
           "question = \"............................?\" # ............................\n[[variant]]\nname = \"LN\"\n");
}

TEST(Hostile, HugeAndStrangeNumbers) {
  for (const char* value : {"99999999999999999999", "-9223372036854775808", "9223372036854775807", "1e999", "-1e999",
                            "inf", "nan", "-nan", "1e-400", "0x7fffffffffffffff"}) {
    EXPECT_FALSE(failure(kHead + "[[variant]]\nname = \"LN\"\ntrain = { epochs = " + value + " }\n").empty()) << value;
    EXPECT_FALSE(failure(std::string("[sweep]\nname = 'x'\nbaseline = 'LN'\nseeds = { count = ") + value +
                         " }\n[[variant]]\nname = \"LN\"\n")
                     .empty())
        << value;
  }
  for (const char* value : {"1e999", "inf", "nan", "-1.0"}) {
    EXPECT_FALSE(failure(kHead + "[[variant]]\nname = \"LN\"\ntrain = { lr = " + value + " }\n").empty()) << value;
    EXPECT_FALSE(failure("[sweep]\nname = 'x'\nbaseline = 'LN'\nseeds = [1, 2]\nmargin = " + std::string(value) +
                         "\n[[variant]]\nname = \"LN\"\n")
                     .empty())
        << value;
  }
}

TEST(Hostile, BrokenUtf8) {
  for (const char* bytes : {"\xFF", "\xC3", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\x80"}) {
    EXPECT_THAT(failure(kHead + "[[variant]]\nname = \"" + bytes + "\"\n"), HasSubstr("not valid TOML")) << bytes;
  }
}

TEST(Hostile, ControlCharactersDoNotReachTheTerminal) {
  const std::string text = failure(kHead + "[[variant]]\nname = \"LN\\u001b[2J\"\n");
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Hostile, OversizedFiles) {
  EXPECT_THAT(failure(kHead + "#" + std::string(2 << 20, 'x')), HasSubstr("allowed: at most 1048576"));
}

TEST(Hostile, LongWordsAndLinesAreCut) {
  const std::string text = failure(kHead + "[base]\n" + std::string(50000, 'k') + " = 1\n[[variant]]\nname = \"LN\"\n");
  EXPECT_LT(text.size(), 1000u);
}

TEST(Hostile, IncludeCirclesAndCrowds) {
  EXPECT_THAT(failure("include = [\"study.toml\"]\n" + kHead), HasSubstr("include circle: study.toml -> study.toml"));
  EXPECT_THAT(failure("include = [\"a.toml\"]\n" + kHead,
                      {{"a.toml", "include = [\"b.toml\"]"}, {"b.toml", "include = [\"a.toml\"]"}}),
              HasSubstr("include circle: study.toml -> a.toml -> b.toml -> a.toml"));
  std::map<std::string, std::string> many;
  std::string list;
  for (int i = 0; i < 100; ++i) {
    many["f" + std::to_string(i)] = "";
    list += "\"f" + std::to_string(i) + "\",";
  }
  EXPECT_THAT(failure("include = [" + list + "]\n" + kHead, many), HasSubstr("more than 64 files"));
}

TEST(Hostile, DatesAreNoValues) {
  EXPECT_THAT(failure(kHead + "[[variant]]\nname = \"LN\"\ntrain = { epochs = 1979-05-27 }\n"),
              HasSubstr("train.epochs must be an integer"));
}

// Random damage to a valid file: any answer is fine as long as it is one.
TEST(Hostile, DamagedFilesAreAnsweredNotCrashed) {
  const std::string good = kHead + R"(
[base]
model = { family = "vit", patch = 2, dim = 64 }
norm_sites = { final = { kind = "layer" }, embed = "norm" }
train = { lr = 1e-3, distill = { from = "teacher", alpha = 0.3 } }
[[variant]]
name = "LN"
norm = { kind = "selector", branches = ["scale", { kind = "rms" }], gate = "fixed", weights = [0, 1] }
[matrix]
"data.name" = ["digits"]
model.depth = [1, 2]
[[exclude]]
seed = 1
[stage.teacher]
axes = ["model.depth"]
)";
  expanded(good);
  const RandomStream random(1, "fuzz", "sweep");
  constexpr std::string_view kBytes = "[]{}=.,\"'#\n \\0a1-_x\xFF";
  size_t refused = 0;
  for (uint32_t round = 0; round < 3000; ++round) {
    std::string text = good;
    const uint32_t edits = 1 + random.word(0, round) % 4;
    for (uint32_t edit = 1; edit <= edits; ++edit) {
      const size_t at = random.word(edit, round, 1) % text.size();
      const char byte = kBytes[random.word(edit, round, 2) % kBytes.size()];
      if (random.word(edit, round, 3) % 2 == 0)
        text[at] = byte;
      else
        text.erase(at, 1 + random.word(edit, round, 4) % 20);
    }
    const auto sweep = expand_text(text);
    if (sweep.ok()) continue;
    ++refused;
    EXPECT_FALSE(sweep.status().message().empty()) << "round " << round << "\n" << text;
  }
  EXPECT_GT(refused, 1000u);
}

}  // namespace
}  // namespace autonorm::config
