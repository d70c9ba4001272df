// From the text of a sweep file to the trials it asks for. Pure: files come as (path → text), nothing is read from disk
// here.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/config/trial_config.h"

namespace autonorm::config {

// A sweep file with everything it includes. Paths are as the includes name them, relative to the root file's folder.
struct SweepSource {
  std::string root;  // key into files
  std::map<std::string, std::string> files;
  auto operator<=>(const SweepSource&) const = default;
};
// Reads FILE and its includes from disk (the client does this before it submits). Errors carry file:line:column.
Result<SweepSource> load_sweep_source(const std::string& path);

// Matrix key → value as text, e.g. "data.name" → "mnist"; always has "data.name".
using CellLabels = std::map<std::string, std::string>;
struct Cell {  // one row × column × seed
  std::string variant;
  std::shared_ptr<const CellLabels> labels;  // shared by the seeds
  uint64_t seed = 0;
  size_t trial = 0;  // index into Sweep::trials
};
// A sweep may have 200,000 of them, so seeds share what they have in common.
struct PlannedTrial {
  TrialId id;
  std::shared_ptr<const TrialConfig> common;  // all but seed and inputs, which say nothing there
  uint64_t seed = 0;
  std::vector<std::pair<std::string, TrialId>> inputs;  // stage → trial; those precede this one in Sweep::trials
  bool is_stage = false;                                // only a stage: not a row of the table

  TrialConfig config() const;  // everything together
};
struct Sweep {
  std::string name, question, baseline, metric, profile;
  double margin = 0, alpha = 0.05;
  std::vector<uint64_t> seeds;
  int64_t max_seeds = 0;                 // registered later extension; 0 = none
  int64_t priority = 0;                  // before sweeps with smaller ones
  int64_t max_parallel = 0;              // trials at a time; 0 = no limit
  int64_t fail_fast = 0;                 // halts after so many failed trials; 0 = never
  std::vector<std::string> variants;     // in the file's order
  std::vector<std::string> matrix_keys;  // columns; empty without [matrix]
  std::vector<Cell> cells;
  std::vector<PlannedTrial> trials;        // distinct, topological order
  Sha256 content;                          // of the source files: the same file twice is the same sweep
  std::vector<std::string> shared_stages;  // trained once for all seeds: differences hold for that run only
  std::vector<std::string> warnings;  // for people, each as path:line:col: warning: …; nothing that forbids the sweep
};

// Validates and expands. On failure the message holds all errors, each as
//   path:line:col: error: what is wrong; what is allowed; did you mean 'x'?
//     source line
//     ^ caret
Result<Sweep> expand_sweep(const SweepSource& source);

}  // namespace autonorm::config
