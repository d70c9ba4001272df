// The checks that need more than one key.
#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/norm_misfits.h"
#include "core/config/trial_checks.h"
#include "core/config/trial_reader.h"

namespace autonorm::config {
namespace {

class Checker {
 public:
  Checker(const TrialConfig& config, const Value& root, Diagnostics& diagnostics)
      : c_(config), root_(root), diagnostics_(diagnostics) {}

  void run() {
    check_model(c_, root_, diagnostics_);
    for (const Misfit& misfit : norm_misfits(c_, image_shape(c_.data))) error(misfit.path, misfit.text);
    check_judging();
    check_train();
  }

 private:
  void error(const std::string& path, const std::string& text) { diagnostics_.error(place_of(root_, path), text); }

  // What the trained model is judged by.
  void check_judging() {
    const DataConfig& data = c_.data;
    std::set<Corruption> seen;
    for (const Corruption corruption : data.corruptions) {
      if (!seen.insert(corruption).second) {
        error("data.corruptions", cat("data.corruptions names '", name(corruption), "' twice; keep one"));
      }
    }
    if (c_.model.family != ModelFamily::kMae) return;
    if (!data.corruptions.empty()) {
      error("data.corruptions",
            "data.corruptions: family 'mae' answers with images, not with classes that noise could "
            "make wrong; allowed: []");
    }
    if (data.tta) {
      error("data.tta",
            "data.tta: family 'mae' answers with images, and those of other views are no answer to this "
            "one; allowed: false");
    }
  }

  // Work that cannot be shared out, and checkpoints that would split a curve between two points.
  void check_train() {
    const TrainConfig& t = c_.train;
    if (t.batch < c_.ranks * t.accumulate) {
      error("train.batch", cat("train.batch = ", t.batch, " is smaller than ranks x accumulate = ", c_.ranks, " x ",
                               t.accumulate, "; each micro-batch of each rank needs a sample"));
    }
    if (t.distill && t.start && t.distill->from != t.start->from) {
      error("train.start.from", cat("train.start.from = '", t.start->from, "' and train.distill.from = '",
                                    t.distill->from, "' are two stages; a trial waits for one"));
    }
    if (t.distill && t.distill->hard && t.distill->temperature != 1.0) {
      error("train.distill.temperature",
            "train.distill.temperature: with train.distill.hard = true the teacher's first choice is the label, "
            "whatever the temperature; allowed: 1");
    }
    if (t.augment != Augment::kNone && c_.data.source == DataSource::kCsv) {
      error("train.augment",
            "train.augment: data.kind = 'csv' is a table, and only images can be cropped; allowed: none");
    }
    if (t.augment != Augment::kNone && t.distill) {
      error(
          "train.augment",
          "train.augment: with train.distill each sample's teacher answers once, to the image as it is; allowed: none");
    }
    check_images_changed();
    check_patience();
    if (t.start && t.start->head_only && c_.model.family == ModelFamily::kMae) {
      error("train.start.head_only",
            "train.start.head_only: family 'mae' has no head; start a 'vit' from the stage, or choose false");
    }
    if (t.layer_decay != 1 && c_.model.family != ModelFamily::kVit) {
      error("train.layer_decay", cat("train.layer_decay: model family '", name(c_.model.family),
                                     "' has no layers that it knows; allowed: family vit, or layer_decay = 1"));
    }
    check_penalties();
    if (t.schedule != Schedule::kConstant && t.min_lr > t.lr) {
      error("train.min_lr", cat("train.min_lr = ", t.min_lr, " is above train.lr = ", t.lr, "; choose min_lr <= lr"));
    }
    if (t.horizon != 0 && t.horizon < t.epochs) {
      error("train.horizon", cat("train.horizon = ", t.horizon, " ends the cosine before train.epochs = ", t.epochs,
                                 "; choose horizon >= epochs, or 0"));
    }
    if (t.checkpoint_every % t.log_every != 0) {
      error("train.checkpoint_every",
            cat("train.checkpoint_every = ", t.checkpoint_every, " is no multiple of train.log_every = ", t.log_every,
                "; checkpoints fall on logged steps so that a resumed curve continues exactly"));
    }
  }

  void check_patience() {
    const TrainConfig& t = c_.train;
    if (t.patience > 0 && c_.data.val_fraction == 0) {
      error("train.patience", cat("train.patience = ", t.patience,
                                  " needs validations, and data.val_fraction = 0 leaves "
                                  "no samples for them; choose a val_fraction above 0, or patience 0"));
    }
  }

  void check_penalties() {
    if (c_.model.family == ModelFamily::kVit) return;
    for (const auto& [key, weight] : {std::pair{"train.feature_decay", c_.train.feature_decay},
                                      {"train.attention_peak", c_.train.attention_peak}}) {
      if (weight == 0) continue;
      error(key, cat(key, ": the blocks of model family '", name(c_.model.family),
                     "' do not measure it; allowed: family vit, or 0"));
    }
  }

  // What only images can be, and what a label must follow.
  void check_images_changed() {
    const TrainConfig& t = c_.train;
    const char* mixing = t.mixup > 0 ? "train.mixup" : "train.cutmix";
    if (c_.data.source == DataSource::kCsv) {
      if (t.erase > 0) {
        error("train.erase",
              "train.erase: data.kind = 'csv' is a table, and only images have pieces to erase; allowed: 0");
      }
      if (t.policy != Policy::kNone) {
        error("train.policy",
              "train.policy: data.kind = 'csv' is a table, and its operations are those of images; allowed: none");
      }
      if (mixes(t)) error(mixing, cat(mixing, ": data.kind = 'csv' is a table, and only images are mixed; allowed: 0"));
    }
    if (t.erase > 0 && t.distill) {
      error("train.erase",
            "train.erase: with train.distill each sample's teacher answers once, to the image as it is; allowed: 0");
    }
    if (t.policy != Policy::kNone && t.distill) {
      error(
          "train.policy",
          "train.policy: with train.distill each sample's teacher answers once, to the image as it is; allowed: none");
    }
    if (!mixes(t)) return;
    if (t.distill) {
      error(mixing, cat(mixing, ": with train.distill each sample's teacher answers once, to the image as it is; ",
                        "allowed: 0"));
    }
    if (c_.model.family == ModelFamily::kMae) {
      error(mixing, cat(mixing, ": family 'mae' learns from images, not from labels to be mixed; allowed: 0"));
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
