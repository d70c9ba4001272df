// From the checkpoint of a trained model to one of the same function with its norms folded (models/fold.h).
#pragma once
#include <filesystem>

#include "core/checkpoint/checkpoint.h"
#include "core/data/dataset.h"
#include "core/models/fold.h"

namespace autonorm::train {

struct FoldReport {
  std::vector<models::FoldedSite> sites;
  std::vector<models::KeptSite> kept;
  double largest_difference = 0;  // of a logit, or a value that a masked autoencoder predicts, over `images`
  double before = 0, after = 0;   // images per second at inference, one thread, the median of several passes
  int64_t images = 0;
  std::filesystem::path checkpoint;  // the folder written
};

// `dataset`: the one that the model was trained on; its test images are compared and timed. Writes OUT/step-N, which
// load_trained() reads. kInvalid: nothing to fold, or an output differs by more than 1e-4; then nothing is written.
Result<FoldReport> fold_checkpoint(const checkpoint::Checkpoint& trained, const data::Dataset& dataset,
                                   const std::filesystem::path& out);

// Images per second of a model at inference: the median over `passes` of the whole of `images` [B, ch, H, W].
double inference_speed(models::Model& model, const at::Tensor& images, int passes);

}  // namespace autonorm::train
