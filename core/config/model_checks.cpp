// What the keys of a model need of each other and of the data.
#include <cmath>
#include <numeric>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/divisors.h"
#include "core/config/trial_checks.h"

namespace autonorm::config {
namespace {

class ModelChecker {
 public:
  ModelChecker(const TrialConfig& config, const Value& root, Diagnostics& diagnostics)
      : c_(config), m_(config.model), root_(root), diagnostics_(diagnostics) {}

  void run() {
    check_table();
    check_hidden();
    switch (m_.family) {
      case ModelFamily::kVit:
        check_patch();
        check_heads("heads", m_.heads, "dim", m_.dim);
        return;
      case ModelFamily::kAutonorm:
      case ModelFamily::kAutonormCorrected:
        if (m_.input == ModelInput::kImage) check_patch();
        if (m_.family == ModelFamily::kAutonormCorrected) check_heads("heads", m_.heads, "dim", m_.dim);
        return;
      case ModelFamily::kAutonormV0:
      case ModelFamily::kT2tVit:
        check_heads("heads", m_.heads, "dim", m_.dim);
        return;
      case ModelFamily::kFtTransformer:
        check_heads("heads", m_.heads, "dim", m_.dim);
        check_placement();
        return;
      case ModelFamily::kMae:
        check_mae();
        return;
      case ModelFamily::kResnet:
        if ((m_.depth - 2) % 6 == 0) return;
        error("model.depth", cat("model.depth = ", m_.depth,
                                 " is not 6n + 2, three stages of n blocks with two "
                                 "convolutions; allowed: 8, 14, 20, 26, 32, …"));
        return;
      case ModelFamily::kMlp:
        return;
    }
  }

 private:
  void error(const std::string& path, const std::string& text) { diagnostics_.error(place_of(root_, path), text); }

  // A table has no image to cut, and real targets have no classes.
  void check_table() {
    if (c_.data.source != DataSource::kCsv) return;
    const bool takes_input = m_.family == ModelFamily::kAutonorm || m_.family == ModelFamily::kAutonormCorrected;
    if (takes_input && m_.input == ModelInput::kImage) {
      error("model", "model.input = 'image', and data.kind = 'csv' is a table; choose input = \"table\"");
    } else if (m_.family == ModelFamily::kVit || m_.family == ModelFamily::kMae || m_.family == ModelFamily::kT2tVit ||
               m_.family == ModelFamily::kResnet) {
      error("model.family",
            cat("model.family = '", name(m_.family),
                "' takes images, and data.kind = 'csv' is a table; choose mlp, "
                "ft_transformer, autonorm_v0, or autonorm or autonorm_corrected with input = \"table\""));
    }
    if (c_.data.task != Task::kRegression) return;
    if (c_.train.distill) {
      error("train.distill", "train.distill: data.task = 'regression' makes no logits that a teacher could match");
    }
    if (c_.train.label_smoothing != 0) {
      error("train.label_smoothing", "train.label_smoothing: data.task = 'regression' has no classes; allowed: 0");
    }
  }

  void check_heads(const char* heads_key, int64_t heads, const char* dim_key, int64_t dim) {
    if (dim % heads == 0) return;
    error(cat("model.", heads_key),
          cat("model.", heads_key, " = ", heads, " does not divide model.", dim_key, " = ", dim,
              "; choose heads so that each gets the same channels; allowed: ", divisors_text(dim)));
  }

  // The data set's shape is known without its files; that of files of the user's own only to the trainer.
  void check_patch() {
    const DataSet* data = find_data_set(c_.data.source);
    if (data == nullptr || (data->height % m_.patch == 0 && data->width % m_.patch == 0)) return;
    error("model.patch",
          cat("model.patch = ", m_.patch, " does not divide the ", data->height, "x", data->width, " images of ",
              data->kind.name, "; allowed: ", divisors_text(std::gcd(data->height, data->width))));
  }

  void check_mae() {
    check_patch();
    check_heads("heads", m_.heads, "dim", m_.dim);
    check_heads("decoder_heads", m_.decoder_heads, "decoder_dim", m_.decoder_dim);
    if (m_.positions == Positions::kSincos && (m_.dim % 4 != 0 || m_.decoder_dim % 4 != 0)) {
      error("model.positions", cat("model.positions = 'sincos' needs sines and cosines of two axes, and dim = ", m_.dim,
                                   " or decoder_dim = ", m_.decoder_dim,
                                   " is no multiple of 4; choose such widths, or positions = \"learned\""));
    }
    const DataSet* data = find_data_set(c_.data.source);
    if (data != nullptr && data->height % m_.patch == 0 && data->width % m_.patch == 0) {
      const int64_t patches = (data->height / m_.patch) * (data->width / m_.patch);
      const auto kept = static_cast<int64_t>(static_cast<double>(patches) * (1.0 - m_.mask_ratio));
      if (kept < 1 || kept >= patches) {
        error("model.mask_ratio",
              cat("model.mask_ratio = ", m_.mask_ratio, " keeps ", kept, " of ", patches,
                  " patches; the encoder needs at least one, the loss at least one hidden; allowed: above 0, "
                  "at most ",
                  std::floor(1000.0 * (1.0 - 1.0 / static_cast<double>(patches))) / 1000.0));
      }
    }
    if (c_.train.distill)
      error("train.distill", "train.distill: family 'mae' makes no logits that a teacher could match");
    if (c_.train.label_smoothing != 0) {
      error("train.label_smoothing",
            "train.label_smoothing: family 'mae' learns from images, not from labels; allowed: 0");
    }
  }

  // An MLP of a transformer's block has at least one hidden unit.
  void check_hidden() {
    if (m_.family == ModelFamily::kMlp || m_.family == ModelFamily::kResnet) return;
    const auto check = [&](const char* key, int64_t dim) {
      const double units = static_cast<double>(dim) * m_.mlp_ratio;
      if ((m_.family == ModelFamily::kFtTransformer ? std::floor(units) : std::round(units)) >= 1) return;
      error("model.mlp_ratio", cat("model.mlp_ratio = ", m_.mlp_ratio, " leaves the MLP no hidden unit at model.", key,
                                   " = ", dim, "; choose a larger ratio or width"));
    };
    check("dim", m_.dim);
    if (m_.family == ModelFamily::kMae) check("decoder_dim", m_.decoder_dim);
  }

  // Of the five sites a model has three or two; the first block of a pre-norm one begins without.
  void check_placement() {
    for (const auto& [site, norm] : c_.norm_sites) {
      const bool post = site.starts_with("post_");
      if (m_.prenorm && site == "pre_attn" && m_.depth == 1) {
        error("norm_sites.pre_attn",
              "norm_sites.pre_attn: the first block of an 'ft_transformer' with prenorm has no norm "
              "there, and model.depth = 1; allowed: pre_ffn, final, or depth 2 or more");
        continue;
      }
      if (post == !m_.prenorm) continue;
      error(cat("norm_sites.", site),
            cat("norm_sites.", site, ": an 'ft_transformer' with prenorm = ", m_.prenorm ? "true" : "false",
                " has no norm there; allowed: ", m_.prenorm ? "pre_attn, pre_ffn, final" : "post_attn, post_ffn"));
    }
  }

  const TrialConfig& c_;
  const ModelConfig& m_;
  const Value& root_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_model(const TrialConfig& config, const Value& root, Diagnostics& diagnostics) {
  ModelChecker(config, root, diagnostics).run();
}

}  // namespace autonorm::config
