// From a sweep document to cells and trials. Internal to expand_sweep.
#pragma once
#include "core/config/diagnostics.h"
#include "core/config/sweep.h"
#include "core/config/sweep_document.h"

namespace autonorm::config {

inline constexpr int64_t kMaxCells = 200000;

// The result is meaningful only when no error was reported.
Sweep expand_document(const SweepDocument& document, Diagnostics& diagnostics);

// Base, preset and own keys of a recipe laid over each other. `own`: preset and own keys alone.
struct MergedRecipe {
  Value tree, own;
};
MergedRecipe merge_recipe(const SweepDocument& document, const Value& base, const Recipe& recipe,
                          Diagnostics& diagnostics);

// One combination of the matrix: an index into each axis's values.
using Combination = std::vector<size_t>;
// What excludes a cell. Conditions compare with what was written, else with the catalogue's default.
bool matches(const Exclude& exclude, const std::string& variant, const Value& tree, uint64_t seed);

}  // namespace autonorm::config
