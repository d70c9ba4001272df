#include "core/config/sweep_document.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/config/merge.h"
#include "core/config/trial_reader.h"

namespace autonorm::config {
namespace {

constexpr size_t kLongestName = 100;

// What a variant, stage, preset or base may say about its trials; the seed comes from [sweep], inputs from stages.
const std::vector<std::string>& recipe_keys() {
  static const std::vector<std::string> kKeys{"ranks",      "device",       "data",  "model", "norm",
                                              "norm_sites", "replace_norm", "train", "run"};
  return kKeys;
}

std::vector<std::string> with(std::initializer_list<const char*> first) {
  std::vector<std::string> all(first.begin(), first.end());
  all.insert(all.end(), recipe_keys().begin(), recipe_keys().end());
  return all;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

class DocumentReader {
 public:
  DocumentReader(SweepDocument& out, Diagnostics& diagnostics) : out_(out), diagnostics_(diagnostics) {}

  // The file that was submitted: all tables.
  void root(const Value& file) {
    static const std::vector<std::string> kTables{"include", "sweep",   "base",  "variant",
                                                  "matrix",  "exclude", "stage", "preset"};
    check_keys(file, "a sweep file", kTables);
    if (const Value* sweep = file.find("sweep"))
      read_settings(*sweep, out_.settings, diagnostics_);
    else
      error(file.place, "the [sweep] table is missing; it names the study, its baseline and its seeds");
    out_.base = Value{Table{}, file.place};
    if (const Value* base = file.find("base")) read_base(*base);
    presets(file);
    if (const Value* stages = file.find("stage")) read_stages(*stages);
    if (const Value* variants = file.find("variant"))
      read_variants(*variants);
    else
      error(file.place, "no [[variant]]; each one is a row of the table");
    if (const Value* matrix = file.find("matrix")) read_axes(*matrix, out_.axes, diagnostics_);
    if (const Value* excludes = file.find("exclude")) read_excludes(*excludes, out_.excludes, diagnostics_);
  }

  // Anything but presets would make two files set one thing.
  void included(const Value& file) {
    check_keys(file, "an included file", {"include", "preset"});
    presets(file);
  }

 private:
  void error(Place place, const std::string& text) { diagnostics_.error(place, text); }

  void check_keys(const Value& table, const std::string& where, const std::vector<std::string>& allowed) {
    for (const Entry& entry : *table.table()) {
      const std::string head = split_path(entry.key).front();
      if (contains(allowed, entry.key) || (contains(recipe_keys(), head) && contains(allowed, head)))
        continue;  // "train.lr" = …
      if (entry.key == "seed" && contains(allowed, "ranks")) {
        error(entry.key_place, cat("'seed' does not belong in ", where, "; seeds are those of [sweep] seeds"));
        continue;
      }
      report_unknown(entry, where, allowed, diagnostics_);
    }
  }

  // The trial keys of a table; `extra` are its other keys, which are taken out.
  Value trial_keys(const Value& table, const std::string& where, std::initializer_list<const char*> extra) {
    check_keys(table, where, with(extra));
    Value keys = table;
    std::vector<std::string> strangers;
    for (const Entry& entry : *keys.table()) {
      if (!contains(recipe_keys(), split_path(entry.key).front())) strangers.push_back(entry.key);
    }
    for (const std::string& stranger : strangers) keys.erase(stranger);
    return normalized(keys, diagnostics_);
  }

  void read_base(const Value& base) {
    if (!base.is_table()) return error(base.place, cat("[base] must be a table, not ", type_text(base)));
    out_.base = trial_keys(base, "[base]", {});
  }

  // nullptr, with an error, when the key is there but no text.
  const std::string* text_member(const Value& table, const char* key) {
    const Value* value = table.find(key);
    if (value == nullptr) return nullptr;
    if (value->text() == nullptr || value->text()->empty()) {
      error(value->place, cat(key, " must be a text that is not empty; this is ", type_text(*value)));
      return nullptr;
    }
    return value->text();
  }

  // What variants, stages and presets have in common.
  Recipe recipe(const Value& table, const std::string& where, std::initializer_list<const char*> extra) {
    Recipe out;
    out.place = table.place;
    if (const std::string* use = text_member(table, "use")) {
      out.use = *use;
      out.use_place = table.find("use")->place;
    }
    out.keys = trial_keys(table, where, extra);
    return out;
  }

  void read_variants(const Value& list) {
    if (!list.is_list()) return error(list.place, "variants are a list of tables; write [[variant]] with two brackets");
    for (const Value& item : *list.list()) {
      if (item.is_table())
        read_variant(item);
      else
        error(item.place, cat("a variant must be a table, not ", type_text(item)));
    }
  }

  void read_variant(const Value& table) {
    Recipe variant = recipe(table, "[[variant]]", {"name", "use"});
    const Value* named = table.find("name");
    const Place place = named != nullptr ? named->place : table.place;
    if (const std::string* name = text_member(table, "name"))
      variant.name = *name;
    else if (variant.use)
      variant.name = *variant.use;
    else if (named == nullptr && table.find("use") == nullptr)
      error(table.place, "a variant needs a name, or use = a preset's name");
    if (!variant.name.empty()) check_variant_name(variant.name, place);
    out_.variants.push_back(std::move(variant));
  }

  // Names are labels in tables and keys in reports: one line, distinct.
  void check_variant_name(const std::string& name, Place place) {
    if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }) ||
        name.size() > kLongestName) {
      error(place, cat("variant name ", quoted(name), " is not printable or too long; allowed: ", kLongestName,
                       " bytes on one line"));
    }
    for (const Recipe& other : out_.variants) {
      if (other.name == name)
        error(place, cat("two variants are called ", quoted(name), "; give this one another name = \"…\""));
    }
  }

  void read_stages(const Value& table) {
    if (!table.is_table()) return error(table.place, "stages are tables; write [stage.NAME]");
    for (const Entry& entry : *table.table()) {
      if (entry.value.is_table())
        read_stage(entry);
      else
        error(entry.key_place, cat("stage ", quoted(entry.key), " must be a table; write [stage.NAME]"));
    }
  }

  // [stage.NAME]
  void read_stage(const Entry& entry) {
    const Value& table = entry.value;
    StageRecipe stage;
    const std::string where = "[stage." + entry.key + "]";
    stage.shared_seed = reads_shared(table);
    Value rest = table;
    rest.erase("seed");
    stage.recipe = recipe(rest, where, {"use", "axes", "seed"});
    stage.recipe.name = entry.key;
    for (const char* path : {"train.distill", "train.start"}) {
      const Value* other = stage.recipe.keys.find_path(path);
      if (other == nullptr) continue;
      error(other->place,
            cat("stage ", quoted(entry.key), " waits for another stage; stages of stages are not supported yet"));
    }
    read_stage_axes(table, stage);
    out_.stages.push_back(std::move(stage));
  }

  // seed = "shared"
  bool reads_shared(const Value& table) {
    const Value* seed = table.find("seed");
    if (seed == nullptr) return false;
    if (seed->text() != nullptr && *seed->text() == "shared") return true;
    error(seed->place,
          "a stage's seed can only be \"shared\" (one run for all seeds); without the key it gets each trial's seed");
    return false;
  }

  void read_stage_axes(const Value& table, StageRecipe& stage) {
    const Value* axes = table.find("axes");
    if (axes == nullptr) return;
    if (!axes->is_list()) return error(axes->place, cat("axes must be a list of matrix keys, not ", type_text(*axes)));
    for (const Value& item : *axes->list()) {
      if (item.text() != nullptr)
        stage.axes.emplace_back(*item.text(), item.place);
      else
        error(item.place, cat("axes must hold names of matrix keys, not ", type_text(item)));
    }
  }

  // [preset.PROFILE.NAME]; a profile that no sweep can choose is an error.
  void presets(const Value& file) {
    const Value* table = file.find("preset");
    if (table == nullptr) return;
    if (!table->is_table()) return error(table->place, "presets are tables; write [preset.PROFILE.NAME]");
    static const std::vector<std::string> kProfiles{"faithful", "corrected", "both"};
    for (const Entry& profile : *table->table()) {
      if (!contains(kProfiles, profile.key)) {
        error(profile.key_place, cat("unknown profile ", quoted(profile.key), "; allowed: ", join(kProfiles),
                                     did_you_mean(profile.key, kProfiles)));
        continue;
      }
      if (!profile.value.is_table()) {
        error(profile.key_place, "presets are tables; write [preset.PROFILE.NAME]");
        continue;
      }
      for (const Entry& entry : *profile.value.table()) read_preset(profile.key, entry);
    }
  }

  void read_preset(const std::string& profile, const Entry& entry) {
    if (!entry.value.is_table())
      return error(entry.key_place, cat("preset ", quoted(entry.key), " must be a table of trial keys"));
    PresetRecipe preset{profile, {}};
    preset.recipe.name = entry.key;
    preset.recipe.place = entry.value.place;
    preset.recipe.keys = trial_keys(entry.value, "a preset", {});
    for (const PresetRecipe& other : out_.presets) {
      const bool same_profile = other.profile == profile || other.profile == "both" || profile == "both";
      if (same_profile && other.recipe.name == entry.key)
        error(entry.key_place, cat("preset ", quoted(entry.key), " exists already in this profile"));
    }
    out_.presets.push_back(std::move(preset));
  }

  SweepDocument& out_;
  Diagnostics& diagnostics_;
};

}  // namespace

void report_unknown(const Entry& entry, const std::string& where, const std::vector<std::string>& allowed,
                    Diagnostics& diagnostics) {
  static const std::vector<std::string> kLater{"tune", "design", "when", "search"};
  if (contains(kLater, entry.key)) {
    return diagnostics.error(
        entry.key_place,
        cat("'", entry.key, "' is not supported yet; remove it, and list the values to try in [matrix]"));
  }
  // Of very many keys, those of the same table.
  std::vector<std::string> shown = allowed;
  const std::string head = split_path(entry.key).front() + ".";
  if (allowed.size() > 12) std::erase_if(shown, [&](const std::string& word) { return !word.starts_with(head); });
  if (shown.empty()) shown = {"keys of data, model, norm, norm_sites, train, and ranks, device"};
  diagnostics.error(entry.key_place, cat("unknown key ", quoted(entry.key), " in ", where, "; allowed: ", join(shown),
                                         did_you_mean(entry.key, allowed)));
}

void read_document(const Value& root, bool is_root, SweepDocument& document, Diagnostics& diagnostics) {
  DocumentReader reader(document, diagnostics);
  if (is_root)
    reader.root(root);
  else
    reader.included(root);
}

}  // namespace autonorm::config
