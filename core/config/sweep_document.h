// A sweep file taken apart but not yet expanded: what each table says, with places. Internal to expand_sweep.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/config/diagnostics.h"
#include "core/config/value.h"

namespace autonorm::config {

// [sweep]
struct SweepSettings {
  std::string name, question, baseline, metric = "test/accuracy", profile = "faithful";
  double margin = 0, alpha = 0.05;
  std::vector<uint64_t> seeds;
  int64_t max_seeds = 0, priority = 0, max_parallel = 0, fail_fast = 0;
  Place place, baseline_place;
};
// [[variant]], [stage.NAME] or [preset.PROFILE.NAME]: trial keys, spelled out by normalized().
struct Recipe {
  std::string name;
  std::optional<std::string> use;  // preset to start from
  Value keys;
  Place place, use_place;
};
struct StageRecipe {
  Recipe recipe;
  bool shared_seed = false;                         // one trial for all seeds
  std::vector<std::pair<std::string, Place>> axes;  // matrix keys that it takes over from the trial that waits for it
};
struct PresetRecipe {
  std::string profile;  // "faithful" | "corrected" | "both"
  Recipe recipe;
};
struct Axis {
  std::string path;
  Place place;
  List values;  // not empty, distinct as text
};
// Drops the cells for which every condition holds.
struct Exclude {
  struct Condition {
    std::string key;  // "variant", "seed" or a key path
    List values;      // any of these
    Place place;
  };
  std::vector<Condition> conditions;
  Place place;
};
struct SweepDocument {
  SweepSettings settings;
  Value base;
  std::vector<Recipe> variants;
  std::vector<Axis> axes;
  std::vector<Exclude> excludes;
  std::vector<StageRecipe> stages;
  std::vector<PresetRecipe> presets;
};

// Reads one parsed file into the document. Files that are included may bring presets only.
void read_document(const Value& root, bool is_root, SweepDocument& document, Diagnostics& diagnostics);

// Parts of read_document.
void read_settings(const Value& table, SweepSettings& settings, Diagnostics& diagnostics);
void read_axes(const Value& table, std::vector<Axis>& axes, Diagnostics& diagnostics);
void read_excludes(const Value& list, std::vector<Exclude>& excludes, Diagnostics& diagnostics);

// Reports an unknown key of a sweep file: features of a later version by name, else what is allowed and the nearest
// word.
void report_unknown(const Entry& entry, const std::string& where, const std::vector<std::string>& allowed,
                    Diagnostics& diagnostics);
// Whether a path names a key of a trial or a table of them; norm_sites.SITE.KEY and norm_sites.SITE count.
bool is_trial_path(const std::string& path);
std::vector<std::string> all_trial_paths();

}  // namespace autonorm::config
