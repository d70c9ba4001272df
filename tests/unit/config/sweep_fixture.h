// Short ways to expand the text of a sweep file in tests.
#pragma once
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/config/sweep.h"

namespace autonorm::config {

// Two seeds, baseline "LN"; ends before any other table.
inline const std::string kHead = R"([sweep]
name = "study"
baseline = "LN"
seeds = { count = 2 }
)";

inline Result<Sweep> expand_text(const std::string& text, std::map<std::string, std::string> others = {}) {
  others["study.toml"] = text;
  return expand_sweep({"study.toml", std::move(others)});
}

inline Sweep expanded(const std::string& text, const std::map<std::string, std::string>& others = {}) {
  auto sweep = expand_text(text, others);
  EXPECT_TRUE(sweep.ok()) << sweep.status().message();
  return sweep.ok() ? *sweep : Sweep{};
}

inline std::string failure(const std::string& text, const std::map<std::string, std::string>& others = {}) {
  const auto sweep = expand_text(text, others);
  EXPECT_FALSE(sweep.ok()) << text;
  return sweep.status().message();
}

// The configuration of a variant's first cell.
inline TrialConfig only(const Sweep& sweep, const std::string& variant) {
  for (const Cell& cell : sweep.cells) {
    if (cell.variant != variant) continue;
    return sweep.trials[cell.trial].config();
  }
  ADD_FAILURE() << "no cell of " << variant;
  return {};
}

inline std::vector<std::string> ids(const Sweep& sweep) {
  std::vector<std::string> out;
  for (const PlannedTrial& trial : sweep.trials) out.push_back(trial.id.value());
  return out;
}

inline size_t occurrences(const std::string& text, const std::string& word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

}  // namespace autonorm::config
