#include "core/config/norm_misfits.h"

#include <algorithm>
#include <numeric>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/divisors.h"

namespace autonorm::config {
namespace {

// One norm at one place.
class NormChecker {
 public:
  std::vector<Misfit> run(const NormConfig& norm, const SiteShape& shape, const std::string& path) {
    check_kind(norm, shape, path);
    if (norm.kind != NormKind::kSelector) return std::move(found_);
    for (size_t i = 0; i < norm.branches.size(); ++i)
      check_kind(norm.branches[i], shape, cat(path, ".branches[", i, "]"));
    check_selector(norm, shape, path);
    return std::move(found_);
  }

 private:
  void error(const std::string& path, const std::string& text) { found_.push_back({path, text}); }

  // Groups or heads of channels.
  void check_divides(int64_t parts, const SiteShape& shape, const std::string& path, const char* remedy) {
    int64_t common = 0;
    for (const int64_t channels : shape.channels) common = std::gcd(common, channels);
    for (const int64_t channels : shape.channels) {
      if (channels % parts == 0) continue;
      return error(path, cat(path, " = ", parts, " does not divide the ", channels, " channels of the model; ", remedy,
                             "; allowed: ", divisors_text(common)));
    }
  }

  // What a kind needs of the site, and of its own keys.
  void check_kind(const NormConfig& norm, const SiteShape& shape, const std::string& path) {
    if (norm.kind == NormKind::kGroup) {
      check_divides(norm.groups, shape, path + ".groups", "choose groups so that each gets the same channels");
    }
    if (norm.kind == NormKind::kPowerNorm && norm.scale_groups > 0) {
      check_divides(norm.scale_groups, shape, path + ".scale_groups",
                    "choose groups so that each gets the same channels, or 0 for none");
    }
    if (norm.kind == NormKind::kDtn) check_dtn(norm, shape, path);
    const bool feature =
        norm.kind == NormKind::kMinmax || norm.kind == NormKind::kZscore || norm.kind == NormKind::kFeatureMix;
    const bool by_sample = norm.kind == NormKind::kSwitchable && norm.form == SwitchForm::kSample;
    if (shape.tokens == 1 &&
        (norm.kind == NormKind::kInstance || by_sample || (feature && norm.axis == FeatureAxis::kToken))) {
      error(path, cat(path, ": '", name(norm.kind),
                      "' takes its statistics over the tokens of a sample, and this model "
                      "has one token; choose a norm over channels, or a model with more tokens"));
    }
    if (shape.tokens == 0 && norm.kind == NormKind::kMinmax && norm.axis == FeatureAxis::kToken) {
      error(path, cat(path, ": 'minmax' takes the least and largest of a sample's tokens, and here is none"));
    }
    const bool over_channels = (feature && norm.kind != NormKind::kMinmax && norm.axis == FeatureAxis::kChannel) ||
                               (norm.kind == NormKind::kSwitchable && norm.form == SwitchForm::kToken) ||
                               norm.kind == NormKind::kDtn;
    if (over_channels && std::ranges::find(shape.channels, 1) != shape.channels.end()) {
      error(path, cat(path, ": '", name(norm.kind),
                      "' takes the unbiased deviation of a token's channels, and here it has one; choose another norm, "
                      "or more channels"));
    }
    if (norm.kind == NormKind::kAdyt && norm.alpha_min > norm.alpha_max) {
      error(path + ".alpha_min", cat(path, ".alpha_min = ", norm.alpha_min, " is larger than alpha_max = ",
                                     norm.alpha_max, "; choose alpha_min <= alpha_max"));
    }
  }

  // Its statistics follow the tokens' places on a square grid.
  void check_dtn(const NormConfig& norm, const SiteShape& shape, const std::string& path) {
    check_divides(norm.heads, shape, path + ".heads", "choose heads so that each gets the same channels");
    if (!shape.no_grid.empty()) {
      return error(path, cat(path, ": 'dtn' needs tokens on a square grid, and ", shape.no_grid));
    }
    if (!shape.grid) return;
    const auto [rows, columns] = *shape.grid;
    if (rows != columns || (rows > norm.grid && rows % norm.grid != 0)) {
      error(path + ".grid", cat(path, ": 'dtn' takes its statistics on a square map of at most ", norm.grid, "x",
                                norm.grid, " tokens or a whole multiple of it, and this model has ", rows, "x", columns,
                                "; choose another patch or grid"));
    }
  }

  // What has weights, and what they are made from.
  void check_gate(const NormConfig& norm, const SiteShape& shape, const std::string& path) {
    const std::string at = path + ".granularity";
    if (reads_input(norm.gate) && norm.granularity == Granularity::kLayer) {
      error(at, cat(at, " = 'layer' has no input to make the weights of gate '", name(norm.gate),
                    "' from; choose gate = 'static', or granularity sample, token or channel"));
    }
    if (norm.gate == Gate::kStatic && norm.granularity == Granularity::kToken) {
      error(at, cat(at, " = 'token' needs a gate that sees or draws something for each token; gate 'static' has ",
                    "one weight per branch, or with 'channel' one per branch and channel"));
    }
    if (!reads_input(norm.gate) || norm.gate_input != GateInput::kCls) return;
    const std::string input = path + ".gate_input";
    if (norm.granularity == Granularity::kToken) {
      error(input, cat(input, " = 'cls' contradicts granularity = 'token', where each token is its own input"));
    }
    if (!shape.no_cls.empty()) {
      error(input, cat(input, " = 'cls' needs a cls token as the first one, and ", shape.no_cls,
                       "; choose gate_input = 'mean', or a model with one: vit with model.pool = 'cls', mae, t2t_vit, "
                       "autonorm, autonorm_corrected, ft_transformer"));
    }
  }

  void check_selector(const NormConfig& norm, const SiteShape& shape, const std::string& path) {
    const size_t branches = norm.branches.size();
    if (branches < 1 || branches > 16) {
      error(path + ".branches", cat(path, ".branches has ", branches, " branches; allowed: 1 to 16"));
    }
    if (norm.gate == Gate::kFixed && !norm.weights.empty() && norm.weights.size() != branches) {
      error(path + ".weights",
            cat(path, ".weights has ", norm.weights.size(), " weights for ", branches, " branches; give one for each"));
    }
    if (norm.gate == Gate::kSigmoid && branches != 2) {
      error(path + ".gate", cat(path, ".gate = '", name(norm.gate), "' blends two branches, not ", branches));
    }
    check_gate(norm, shape, path);
    for (const NormKind kind : norm.freeze) {
      if (std::ranges::any_of(norm.branches, [&](const NormConfig& b) { return b.kind == kind; })) continue;
      std::vector<std::string> kinds;
      for (const NormConfig& branch : norm.branches) kinds.emplace_back(name(branch.kind));
      error(path + ".freeze",
            cat(path, ".freeze names '", name(kind), "', which is no branch of this selector; allowed: ", join(kinds)));
    }
  }

  std::vector<Misfit> found_;
};

// The norms of a trial at their sites.
class SiteChecker {
 public:
  SiteChecker(const TrialConfig& config, const std::optional<ImageShape>& image) : c_(config), image_(image) {}

  std::vector<Misfit> run() {
    check_common_norm();
    for (const auto& [site, norm] : c_.norm_sites) check_norm(norm, site, "norm_sites." + site);
    return std::move(found_);
  }

 private:
  // `norm` at each site that it fills, until it does not fit one.
  void check_common_norm() {
    const std::vector<std::string>& standard = sites(c_.model.family).standard;
    bool used = false;
    for (const std::string& site : standard) {
      if (c_.norm_sites.contains(site) || !has_site(c_.model, site)) continue;
      used = true;
      check_norm(c_.norm, site, "norm");
      if (!found_.empty()) return;
    }
    if (!used) check_norm(c_.norm, standard.front(), "norm");
  }

  // A variance of one number is 0: such a layer would answer with its bias.
  void check_samples(const NormConfig& norm, const SiteShape& shape, const std::string& path) {
    const bool feature =
        norm.kind == NormKind::kMinmax || norm.kind == NormKind::kZscore || norm.kind == NormKind::kFeatureMix;
    const bool over_batch = norm.kind == NormKind::kBatch || norm.kind == NormKind::kPrepbn ||
                            (feature && norm.axis == FeatureAxis::kBatch);
    for (const NormConfig& branch : norm.branches) check_samples(branch, shape, path + ".branches");
    const int64_t shares = norm.statistics == Statistics::kSynchronised ? 1 : c_.ranks;
    const int64_t samples = c_.train.batch / (c_.train.accumulate * shares);
    if (!over_batch || shape.tokens != 1 || samples > 1) return;
    found_.push_back(
        {path, cat(path, ": '", name(norm.kind), "' takes its statistics over the batch, this model has one ",
                   "token for each sample, and train.batch = ", c_.train.batch, " leaves a micro-batch one ",
                   "sample; choose a larger batch, or a norm over channels")});
  }

  void check_norm(const NormConfig& norm, const std::string& site, const std::string& path) {
    check_samples(norm, site_shape(c_, site, image_), path);
    for (Misfit& misfit : NormChecker().run(norm, site_shape(c_, site, image_), path)) {
      found_.push_back(std::move(misfit));
    }
  }

  const TrialConfig& c_;
  const std::optional<ImageShape>& image_;
  std::vector<Misfit> found_;
};

}  // namespace

std::vector<Misfit> norm_misfits(const NormConfig& norm, const SiteShape& shape, const std::string& path) {
  return NormChecker().run(norm, shape, path);
}

std::vector<Misfit> norm_misfits(const TrialConfig& config, const std::optional<ImageShape>& image) {
  return SiteChecker(config, image).run();
}

}  // namespace autonorm::config
