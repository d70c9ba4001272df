// The checks that need more than one key.
#include <algorithm>
#include <optional>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/trial_reader.h"

namespace autonorm::config {
namespace {

class Checker {
 public:
  Checker(const TrialConfig& config, const Value& root, Diagnostics& diagnostics)
      : c_(config), root_(root), diagnostics_(diagnostics) {}

  void run() {
    check_model();
    check_norm(c_.norm, "norm");
    for (const auto& [site, norm] : c_.norm_sites) {
      const Value* at = root_.find_path("norm_sites." + site);
      if (at == nullptr || at->text() == nullptr || *at->text() != "norm") check_norm(norm, "norm_sites." + site);
    }
    check_train();
  }

 private:
  void error(const std::string& path, const std::string& text) { diagnostics_.error(place_of(root_, path), text); }

  // Shapes: the data set's is known without its files; that of files of the user's own only to the trainer.
  void check_model() {
    const ModelConfig& m = c_.model;
    if (m.family != ModelFamily::kVit) return;
    if (m.dim % m.heads != 0) {
      error("model.heads", cat("model.heads = ", m.heads, " does not divide model.dim = ", m.dim,
                               "; choose heads so that each gets the same channels"));
    }
    const DataSet* data = find_data_set(c_.data.source);
    if (data == nullptr || (data->height % m.patch == 0 && data->width % m.patch == 0)) return;
    std::vector<std::string> allowed;
    for (int64_t patch = 1; patch <= data->height; ++patch) {
      if (data->height % patch == 0 && data->width % patch == 0) allowed.push_back(cat(patch));
    }
    error("model.patch", cat("model.patch = ", m.patch, " does not divide the ", data->height, "x", data->width,
                             " images of ", data->kind.name, "; allowed: ", join(allowed)));
  }

  int64_t channels() const { return c_.model.family == ModelFamily::kVit ? c_.model.dim : c_.model.hidden; }

  // Tokens of a sample; nothing where only the files know the size of an image.
  std::optional<int64_t> tokens() const {
    if (c_.model.family == ModelFamily::kMlp) return 1;
    const DataSet* data = find_data_set(c_.data.source);
    if (data == nullptr) return std::nullopt;
    const int64_t patches = (data->height / c_.model.patch) * (data->width / c_.model.patch);
    return patches + (c_.model.pool == Pool::kCls ? 1 : 0);
  }

  void check_norm(const NormConfig& norm, const std::string& path) {
    check_kind(norm, path);
    if (norm.kind != NormKind::kSelector) return;
    for (size_t i = 0; i < norm.branches.size(); ++i) check_kind(norm.branches[i], cat(path, ".branches[", i, "]"));
    check_selector(norm, path);
  }

  // What a kind needs of the model, and of its own keys.
  void check_kind(const NormConfig& norm, const std::string& path) {
    if (norm.kind == NormKind::kGroup && channels() % norm.groups != 0) {
      error(path + ".groups", cat(path, ".groups = ", norm.groups, " does not divide the ", channels(),
                                  " channels of the model; choose groups so that each gets the same channels"));
    }
    if (norm.kind == NormKind::kPowerNorm && norm.scale_groups > 0 && channels() % norm.scale_groups != 0) {
      error(path + ".scale_groups",
            cat(path, ".scale_groups = ", norm.scale_groups, " does not divide the ", channels(),
                " channels of the model; choose groups so that each gets the same channels, or 0 for none"));
    }
    if (norm.kind == NormKind::kDtn) check_dtn(norm, path);
    const bool feature =
        norm.kind == NormKind::kMinmax || norm.kind == NormKind::kZscore || norm.kind == NormKind::kFeatureMix;
    const bool by_sample = norm.kind == NormKind::kSwitchable && norm.form == SwitchForm::kSample;
    if (tokens() == 1 &&
        (norm.kind == NormKind::kInstance || by_sample || (feature && norm.axis == FeatureAxis::kToken))) {
      error(path, cat(path, ": '", name(norm.kind),
                      "' takes its statistics over the tokens of a sample, and this model "
                      "has one token; choose a norm over channels, or a model with more tokens"));
    }
    if (norm.kind == NormKind::kAdyt && norm.alpha_min > norm.alpha_max) {
      error(path + ".alpha_min", cat(path, ".alpha_min = ", norm.alpha_min, " is larger than alpha_max = ",
                                     norm.alpha_max, "; choose alpha_min <= alpha_max"));
    }
  }

  // Its statistics follow the tokens' places on a square grid.
  void check_dtn(const NormConfig& norm, const std::string& path) {
    if (channels() % norm.heads != 0) {
      error(path + ".heads", cat(path, ".heads = ", norm.heads, " does not divide the ", channels(),
                                 " channels of the model; choose heads so that each gets the same channels"));
    }
    if (c_.model.family != ModelFamily::kVit) {
      error(path, cat(path, ": 'dtn' needs tokens on a square grid, and model family '", name(c_.model.family),
                      "' has none; allowed: vit"));
      return;
    }
    const DataSet* data = find_data_set(c_.data.source);
    if (data == nullptr) return;
    const int64_t rows = data->height / c_.model.patch, columns = data->width / c_.model.patch;
    if (rows != columns || (rows > norm.grid && rows % norm.grid != 0)) {
      error(path + ".grid", cat(path, ": 'dtn' takes its statistics on a square map of at most ", norm.grid, "x",
                                norm.grid, " tokens or a whole multiple of it, and this model has ", rows, "x", columns,
                                "; choose another patch or grid"));
    }
  }

  void check_selector(const NormConfig& norm, const std::string& path) {
    const size_t branches = norm.branches.size();
    if (branches < 1 || branches > 16) {
      error(path + ".branches", cat(path, ".branches has ", branches, " branches; allowed: 1 to 16"));
    }
    if (norm.gate == Gate::kFixed && !norm.weights.empty() && norm.weights.size() != branches) {
      error(path + ".weights",
            cat(path, ".weights has ", norm.weights.size(), " weights for ", branches, " branches; give one for each"));
    }
    if (norm.gate == Gate::kRandom && branches != 2) {
      error(path + ".gate", cat(path, ".gate = 'random' blends two branches, not ", branches));
    }
    for (const NormKind kind : norm.freeze) {
      if (std::ranges::any_of(norm.branches, [&](const NormConfig& b) { return b.kind == kind; })) continue;
      std::vector<std::string> kinds;
      for (const NormConfig& branch : norm.branches) kinds.emplace_back(name(branch.kind));
      error(path + ".freeze",
            cat(path, ".freeze names '", name(kind), "', which is no branch of this selector; allowed: ", join(kinds)));
    }
  }

  // Work that cannot be shared out, and checkpoints that would split a curve between two points.
  void check_train() {
    const TrainConfig& t = c_.train;
    if (t.batch < c_.ranks * t.accumulate) {
      error("train.batch", cat("train.batch = ", t.batch, " is smaller than ranks x accumulate = ", c_.ranks, " x ",
                               t.accumulate, "; each micro-batch of each rank needs a sample"));
    }
    if (t.checkpoint_every % t.log_every != 0) {
      error("train.checkpoint_every",
            cat("train.checkpoint_every = ", t.checkpoint_every, " is no multiple of train.log_every = ", t.log_every,
                "; checkpoints fall on logged steps so that a resumed curve continues exactly"));
    }
  }

  const TrialConfig& c_;
  const Value& root_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_trial(const TrialConfig& config, const Value& root, Diagnostics& diagnostics) {
  Checker(config, root, diagnostics).run();
}

}  // namespace autonorm::config
