// What the cells of a sweep share is read and written once: the outcome must be that of each cell on its own.
#include <gtest/gtest.h>

#include "core/config/cell_text.h"
#include "core/config/trial_identity.h"
#include "core/config/trial_reader.h"

namespace autonorm::config {
namespace {

using nlohmann::json;

// Neighbours that differ in one section each, back and forth.
const char* const kCells[] = {
    "{}",
    R"({"train": {"lr": 0.01}})",
    R"({"train": {"lr": 0.01}, "norm": "rms"})",
    R"({"norm": "rms"})",
    R"({"norm": {"kind": "dyt", "affine": false}})",
    R"({"norm": "rms", "norm_sites": {"final": "norm"}})",
    R"({"norm": "layer", "norm_sites": {"final": "norm"}})",
    R"({"norm": "layer", "norm_sites": {"final": "norm"}, "replace_norm": {"layer": "dyt"}})",
    R"({"model": {"family": "mlp"}, "norm": "layer"})",
    R"({"model": {"depth": 3}, "ranks": 2, "device": "cpu"})",
    R"({"data": {"name": "mnist"}, "model": {"patch": 7}, "run": {"priority": 4}})",
    R"({"data": {"kind": "idx", "path": "a", "sha256": "77"}})",
    R"({"norm": {"kind": "selector", "branches": ["rms", "layer"], "gate": "gumbel"}})",
    R"({"norm": {"kind": "selector", "branches": ["layer", "rms"], "gate": "gumbel"}})",
    R"({"norm": {"kind": "selector", "gate": "fixed", "weights": [0.25, 0.75]}})",
    R"({"train": {"schedule": "constant", "distill": {"from": "teacher"}}})",
    R"({"train": {"start": {"from": "teacher"}}})",
    "{}",
};

TEST(CellMemory, ReadsWhatEachCellSays) {
  TrialReader reader;
  for (const char* text : kCells) {
    const json cell = json::parse(text);
    Diagnostics diagnostics;
    const TrialConfig read = reader.read(from_json(cell), diagnostics);
    ASSERT_TRUE(diagnostics.ok()) << text << diagnostics.error_text();
    EXPECT_EQ(resolved(read), resolved(*parse_trial(cell))) << text;
  }
}

TEST(CellMemory, EveryCellReportsItsMistakes) {
  TrialReader reader;
  for (const char* text : {R"({"train": {"lr": -1}, "norm": "rms"})", R"({"norm": {"kind": "rms", "tau": 1}})",
                           R"({"model": {"family": "mlp", "heads": 2}})", R"({"run": {"max_attempts": 0}})"}) {
    std::string first;
    for (int again = 0; again < 3; ++again) {
      Diagnostics diagnostics;
      reader.read(from_json(json::parse(text)), diagnostics);
      EXPECT_FALSE(diagnostics.ok()) << text;
      if (again == 0) first = diagnostics.error_text();
      EXPECT_EQ(diagnostics.error_text(), first);
    }
  }
  Diagnostics diagnostics;
  reader.read(from_json(json::parse(R"({"train": {"lr": 0.5}, "norm": "rms"})")), diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << diagnostics.error_text();
}

TEST(CellMemory, WritesWhatEachCellResolvesTo) {
  CellTexts texts;
  for (const char* text : kCells) {
    const TrialConfig config = *parse_trial(json::parse(text));
    json expected = resolved(config);
    expected.erase("seed");
    expected.erase("inputs");
    EXPECT_EQ(texts.of(config), expected.dump()) << text;
  }
}

TEST(CellMemory, GivesEachCellItsOwnIdentity) {
  CellIdentities identities;
  for (const char* text : kCells) {
    const TrialConfig config = *parse_trial(json::parse(text));
    EXPECT_EQ(identities.of(config).canonical(0, std::nullopt), canonical(config)) << text;
  }
}

}  // namespace
}  // namespace autonorm::config
