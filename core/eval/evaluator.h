// Accuracy and loss of a model on a split, sharded by sample over the gang and reduced as integer counts and a float64
// sum, so that the result does not depend on the number of ranks (the loss up to rounding).
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/data/dataset.h"
#include "core/distributed/gang.h"
#include "core/models/model.h"

namespace autonorm::eval {

struct EvaluationOptions {
  data::PixelScale scale;
  int64_t batch = 256;  // samples per forward pass
  int64_t step = 0;     // optimizer steps done: addresses the noise of gates that stay random
  int64_t total_steps = 1;
  uint64_t seed = 0;
  int64_t noise_stream = 0;  // distinguishes the noise of splits evaluated at the same step
  bool bf16 = false;         // forward pass under autocast
  // Judge by the mean logits of four views (AutoNorm's test-time augmentation): the image as it is, mirrored, moved by
  // a pixel down, by a pixel left; what leaves comes in opposite.
  bool tta = false;
  bool record = false;  // measure what norms get

  // Of a forward pass over these samples of the split, which must outlive it.
  norms::StepContext context(const std::vector<int64_t>& samples) const {
    return {.training = false,
            .step = step,
            .micro_batch = noise_stream,
            .total_steps = total_steps,
            .seed = seed,
            .samples = &samples};
  }
};

struct Evaluation {
  int64_t samples = 0;  // of all ranks
  int64_t local_samples = 0;
  int64_t judged = 0;  // what `correct` is a part of: samples, or the hidden values of a model that reconstructs;
                       // nothing of a regression
  int64_t correct = 0;
  double loss_sum = 0;  // plain cross entropy, without label smoothing; of a reconstruction its mean square error, of a
                        // regression the squared error of the labels
  double accuracy() const { return judged == 0 ? 0.0 : static_cast<double>(correct) / static_cast<double>(judged); }
  double loss() const { return samples == 0 ? 0.0 : loss_sum / static_cast<double>(samples); }
};

// `split` lies on the model's device. Every rank calls it; all get the same result. Synchronises with the device once.
Evaluation evaluate(models::Model& model, const data::Split& split, const EvaluationOptions& options,
                    distributed::Gang& gang);

}  // namespace autonorm::eval
