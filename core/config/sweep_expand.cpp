#include "core/config/sweep_expand.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/merge.h"
#include "core/config/metric_misfit.h"
#include "core/config/start_misfit.h"
#include "core/config/sweep_names.h"
#include "core/config/trial_identity.h"
#include "core/config/trial_reader.h"

namespace autonorm::config {
namespace {

constexpr std::string_view kDataName = "data.name";

// One row × column, before the seeds.
struct Group {
  const Recipe* variant = nullptr;
  CellLabels labels;
  std::vector<uint64_t> seeds;  // that no exclude drops
  std::shared_ptr<const TrialConfig> config;
  const StageRecipe* stage = nullptr;
  std::shared_ptr<const TrialConfig> stage_config;
};

std::string data_label(const DataConfig& data) {
  if (!is_own(data.source)) return std::string(name(data.source));
  return cat(name(data.source), ":", std::filesystem::path(data.path).filename().generic_string());
}

class Expander {
 public:
  Expander(const SweepDocument& document, Diagnostics& diagnostics)
      : doc_(document), diagnostics_(diagnostics), used_excludes_(document.excludes.size()) {}

  // Every check runs before the first trial is made, so that all errors come together.
  Sweep run() {
    check_names(doc_, diagnostics_);
    read_trial(doc_.base, diagnostics_);  // a mistake there is one even when every variant replaces that table
    check_stage_axes(doc_, diagnostics_);
    if (count_cells() > kMaxCells) {
      error(doc_.settings.place,
            cat("the sweep has more than ", kMaxCells, " cells; split it or drop values of the matrix"));
      return {};
    }
    for (const Recipe& variant : doc_.variants) expand_variant(variant);
    check_unused();
    if (!diagnostics_.ok()) return {};
    fill_settings();
    out_.trials.reserve(static_cast<size_t>(count_cells()));
    out_.cells.reserve(static_cast<size_t>(count_cells()));
    index_.reserve(static_cast<size_t>(count_cells()));
    for (Group& group : groups_) add_cells(group);
    return std::move(out_);
  }

 private:
  void error(Place place, const std::string& text) { diagnostics_.error(place, text); }

  // Before excludes. Stops counting above the limit, so that the product cannot overflow.
  int64_t count_cells() const {
    int64_t cells = static_cast<int64_t>(std::max<size_t>(1, doc_.variants.size()) *
                                         std::max<size_t>(1, doc_.settings.seeds.size()));
    for (const Axis& axis : doc_.axes) {
      cells *= static_cast<int64_t>(axis.values.size());
      if (cells > kMaxCells) break;
    }
    return cells;
  }

  // One group for each combination of the matrix that is not excluded for all seeds.
  void expand_variant(const Recipe& variant) {
    const MergedRecipe merged = merge_recipe(doc_, doc_.base, variant, diagnostics_);
    for (const Axis& axis : doc_.axes) {
      if (merged.own.find_path(axis.path) == nullptr) continue;
      error(axis.place, cat("[matrix] ", axis.path, " is also set by variant ", quoted(variant.name), "; keep one"));
    }
    Combination combination(doc_.axes.size(), 0);
    const size_t before = groups_.size();
    do {
      expand_group(variant, merged.tree, combination);
    } while (next(combination));
    if (groups_.size() == before && !doc_.settings.seeds.empty())
      error(variant.place,
            cat("[[exclude]] drops every cell of variant ", quoted(variant.name), "; remove the variant instead"));
  }

  // The last axis runs fastest.
  bool next(Combination& combination) const {
    for (size_t i = combination.size(); i-- > 0;) {
      if (++combination[i] < doc_.axes[i].values.size()) return true;
      combination[i] = 0;
    }
    return false;
  }

  // Excluded cells are not read: a combination that cannot work may be excluded because it cannot.
  void expand_group(const Recipe& variant, const Value& tree, const Combination& combination) {
    Group group;
    group.variant = &variant;
    Value own = tree;
    apply_axes(group, own, combination);
    group.seeds = kept_seeds(variant.name, own);
    if (group.seeds.empty() && !doc_.settings.seeds.empty()) return;
    group.config = std::make_shared<const TrialConfig>(read_checked(own));
    if (diagnostics_.ok()) check_metric(variant, *group.config);  // what is wrong with it may be its task
    group.labels.emplace(kDataName, data_label(group.config->data));
    if (stage_of(group.config->train) != nullptr) add_stage(group, own, combination);
    groups_.push_back(std::move(group));
  }

  void check_metric(const Recipe& variant, const TrialConfig& config) {
    const std::string& metric = doc_.settings.metric;
    if (const auto misfit = metric_misfit(metric, config)) {
      error(doc_.settings.place,
            cat("[sweep] metric = ", quoted(metric), ", and the trials of ", quoted(variant.name), " ", *misfit));
    }
  }

  // A change of kind or family drops the old one's keys, so those axes go first.
  void apply_axes(Group& group, Value& tree, const Combination& combination) {
    for (const bool choosing : {true, false}) {
      for (size_t i = 0; i < combination.size(); ++i) {
        const Axis& axis = doc_.axes[i];
        const Value& value = axis.values[combination[i]];
        const bool chooses = value.is_table() || value.text() != nullptr;
        if (chooses != choosing) continue;
        merge_axis(tree, axis.path, axis.place, value);
        group.labels[axis.path] = label_text(value);
      }
    }
  }

  std::vector<uint64_t> kept_seeds(const std::string& variant, const Value& tree) {
    std::vector<uint64_t> kept;
    for (const uint64_t seed : doc_.settings.seeds) {
      if (!excluded(variant, tree, seed)) kept.push_back(seed);
    }
    return kept;
  }

  // Notes which excludes did something: one that never does is a mistake.
  bool excluded(const std::string& variant, const Value& tree, uint64_t seed) {
    bool dropped = false;
    for (size_t i = 0; i < doc_.excludes.size(); ++i) {
      if (!matches(doc_.excludes[i], variant, tree, seed)) continue;
      used_excludes_[i] = true;
      dropped = true;
    }
    return dropped;
  }

  // All errors of a merged table; also what only a sweep demands.
  TrialConfig read_checked(const Value& tree) {
    Diagnostics own;  // checks across keys would repeat what a single key's error said
    TrialConfig config = reader_.read(tree, own);
    read_ok_ = own.ok();
    if (!read_ok_) {
      diagnostics_.absorb(own);
      return config;
    }
    check_trial(config, tree, diagnostics_);
    if (is_own(config.data.source) && config.data.sha256.empty()) {
      error(
          place_of(tree, "data"),
          cat("data.sha256 is missing; trials share results by content, so a sweep states it; it is the SHA-256 of the "
              "files' decompressed contents: ",
              config.data.source == DataSource::kCsv
                  ? "zcat -f FILE.csv | sha256sum"
                  : "zcat -f train-images* train-labels* t10k-images* t10k-labels* | sha256sum"));
    }
    return config;
  }

  // The trial that the group's trials wait for; an unknown name is reported where `from` is written.
  void add_stage(Group& group, const Value& tree, const Combination& combination) {
    const std::string& wanted = *stage_of(group.config->train);
    std::vector<std::string> names;
    for (const StageRecipe& stage : doc_.stages) {
      names.push_back(stage.recipe.name);
      if (stage.recipe.name == wanted) group.stage = &stage;
    }
    if (group.stage == nullptr) {
      const std::string allowed = names.empty() ? "there is no [stage." + wanted + "]" : "allowed: " + join(names);
      return error(place_of(tree, group.config->train.distill ? "train.distill.from" : "train.start.from"),
                   cat("unknown stage ", quoted(wanted), "; ", allowed, did_you_mean(wanted, names)));
    }
    used_stages_.insert(wanted);
    const bool could_be_read = read_ok_;
    group.stage_config = std::make_shared<const TrialConfig>(read_checked(stage_tree(group, tree, combination)));
    if (!group.config->train.start || !could_be_read || !read_ok_) return;
    if (const auto misfit = start_misfit(*group.stage_config, *group.config)) {
      error(place_of(tree, misfit->path), cat("train.start.from = ", quoted(wanted), ": ", misfit->text));
    }
  }

  // [base], then the dependant's data (but not what its trained model is judged by), then what the stage says, then its
  // axes.
  Value stage_tree(const Group& group, const Value& own, const Combination& combination) {
    Value base = doc_.base;
    if (Value* train = base.find_mutable("train")) {
      train->erase("distill");
      train->erase("start");
    }
    if (const Entry* data = own.find_entry("data")) base.set("data", data->key_place, data->value);
    if (Value* data = base.find_mutable("data")) {
      for (const char* key : {"corruptions", "severity", "corruption_scale", "tta"}) data->erase(key);
    }
    Value tree = merge_recipe(doc_, base, group.stage->recipe, diagnostics_).tree;
    for (size_t i = 0; i < combination.size(); ++i) {
      const Axis& axis = doc_.axes[i];
      const bool listed =
          std::ranges::any_of(group.stage->axes, [&](const auto& entry) { return entry.first == axis.path; });
      if (listed) merge_axis(tree, axis.path, axis.place, axis.values[combination[i]]);
    }
    return tree;
  }

  // What is written but has no effect.
  void check_unused() {
    for (size_t i = 0; i < doc_.excludes.size(); ++i) {
      if (used_excludes_[i] || !diagnostics_.ok()) continue;  // other errors may be the reason
      error(doc_.excludes[i].place, "[[exclude]] matches no cell; correct its keys or remove it");
    }
    for (const StageRecipe& stage : doc_.stages) {
      if (used_stages_.contains(stage.recipe.name)) continue;
      read_checked(merge_recipe(doc_, doc_.base, stage.recipe, diagnostics_).tree);
      diagnostics_.warning(stage.recipe.place,
                           cat("no variant uses stage ", quoted(stage.recipe.name), "; it will not run"));
    }
    if (doc_.settings.seeds.size() == 1) {
      diagnostics_.warning(doc_.settings.place,
                           "one seed: no comparison is possible; write seeds = { count = 5 } or more");
    }
  }

  void fill_settings() {
    const SweepSettings& s = doc_.settings;
    out_.name = s.name;
    out_.question = s.question;
    out_.baseline = s.baseline;
    out_.metric = s.metric;
    out_.profile = s.profile;
    out_.margin = s.margin;
    out_.alpha = s.alpha;
    out_.seeds = s.seeds;
    out_.max_seeds = s.max_seeds;
    out_.priority = s.priority;
    out_.max_parallel = s.max_parallel;
    out_.fail_fast = s.fail_fast;
    out_.variants = variant_names(doc_);
    out_.matrix_keys = axis_paths(doc_);
    for (const StageRecipe& stage : doc_.stages) {
      if (stage.shared_seed && used_stages_.contains(stage.recipe.name))
        out_.shared_stages.push_back(stage.recipe.name);
    }
  }

  // A stage goes in before the trial that waits for it, which keeps `trials` in topological order.
  void add_cells(Group& group) {
    const CellIdentity identity = identities_.of(*group.config);
    std::optional<CellIdentity> stage_identity;
    if (group.stage_config) stage_identity = identities_.of(*group.stage_config);
    const auto labels = std::make_shared<const CellLabels>(std::move(group.labels));
    for (const uint64_t seed : group.seeds) {
      PlannedTrial trial{.id = {}, .common = group.config, .seed = seed, .inputs = {}, .is_stage = false};
      std::optional<TrialId> teacher;
      if (group.stage != nullptr) {
        const uint64_t stage_seed = group.stage->shared_seed ? doc_.settings.seeds.front() : seed;
        teacher = stage_identity->trial_id(stage_seed, std::nullopt);
        trial.inputs.emplace_back(group.stage->recipe.name, *teacher);
        add_trial({.id = *teacher, .common = group.stage_config, .seed = stage_seed, .inputs = {}, .is_stage = true});
      }
      trial.id = identity.trial_id(seed, teacher);
      out_.cells.push_back({group.variant->name, labels, seed, add_trial(std::move(trial))});
    }
  }

  // Its index. Equal trials run once; one that is a row of the table is not only a stage.
  size_t add_trial(PlannedTrial trial) {
    const auto known = index_.find(trial.id.value());
    if (known != index_.end()) {
      if (!trial.is_stage) out_.trials[known->second].is_stage = false;
      return known->second;
    }
    const size_t index = out_.trials.size();
    out_.trials.push_back(std::move(trial));
    index_.emplace(out_.trials.back().id.value(), index);
    return index;
  }

  const SweepDocument& doc_;
  Diagnostics& diagnostics_;
  TrialReader reader_;
  bool read_ok_ = true;  // whether every key of the configuration that was read last could be read
  CellIdentities identities_;
  std::vector<Group> groups_;
  std::vector<bool> used_excludes_;
  std::set<std::string> used_stages_;
  // Id → index into out_.trials, which holds the text: 64 digits lie on the heap and stay there when it grows.
  std::unordered_map<std::string_view, size_t> index_;
  Sweep out_;
};

}  // namespace

Sweep expand_document(const SweepDocument& document, Diagnostics& diagnostics) {
  return Expander(document, diagnostics).run();
}

}  // namespace autonorm::config
