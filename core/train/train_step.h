// One optimizer step of one rank: micro-batches forward and backward, gradient reduction, clipping, update. No host
// synchronisation, but for a policy's operations on images, which the host computes; no reporting.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "core/data/augment.h"
#include "core/data/dataset.h"
#include "core/data/erasing.h"
#include "core/data/image_policy.h"
#include "core/data/mixing.h"
#include "core/distributed/gang.h"
#include "core/models/model.h"
#include "core/optim/optimizer.h"
#include "core/train/batch_plan.h"
#include "core/train/gang_ranks.h"
#include "core/train/loss_meter.h"

namespace autonorm::train {

// What a step reads; everything lies on `device` and outlives the step.
struct StepData {
  const data::Split* train = nullptr;
  data::PixelScale scale;
  at::Tensor teacher_logits;  // [samples, classes] by training sample; undefined without distillation
};

class TrainStep {
 public:
  // The references must outlive the object. Takes the model's trainable parameters as they are now.
  TrainStep(const config::TrialConfig& config, const BatchPlan& plan, models::Model& model, optim::Optimizer& optimizer,
            distributed::Gang& gang, StepData data);

  // `order` [samples] int64 on the device: the epoch's permutation. Adds the local loss sum to `meter`.
  // The reduced gradient is that of the mean loss over the global batch, whatever the number of ranks and
  // micro-batches.
  void run(int64_t step, const at::Tensor& order, LossMeter& meter);

 private:
  norms::StepContext step_context(int64_t step, int64_t micro);
  // 0 for a range without samples, which still passes through the model.
  at::Tensor micro_batch_loss(int64_t step, int64_t micro, Range range, const at::Tensor& order);
  // Images of some samples, cropped, flipped, changed by the policy and erased as configured. [B, C, H, W]
  at::Tensor images_at(const at::Tensor& indices, const std::vector<int64_t>& positions, int64_t step,
                       int64_t micro) const;
  // The samples that those of `range` are mixed with, in the same order: mirrored within the global micro-batch.
  struct Partners {
    at::Tensor indices;              // [B]
    std::vector<int64_t> positions;  // in the global batch
  };
  Partners partners_of(Range range, int64_t step, int64_t micro, const at::Tensor& order) const;
  // Of the labels, smoothed, with a teacher's where there is one. [B]
  at::Tensor label_losses(const at::Tensor& logits, const at::Tensor& indices) const;
  at::Tensor zero_loss() const;

  const config::TrialConfig& config_;
  const BatchPlan& plan_;
  models::Model& model_;
  optim::Optimizer& optimizer_;
  distributed::Gang& gang_;
  const StepData data_;
  const std::vector<at::Tensor> parameters_;  // trainable
  std::unique_ptr<distributed::GradientReducer> reducer_;
  GangRanks ranks_;
  const bool norms_meet_;  // a norm adds up over ranks in its forward pass
  std::optional<data::CropFlip> augment_;
  std::optional<data::PadCrop> shifting_;
  std::optional<data::ImagePolicy> policy_;
  std::optional<data::Erasing> erasing_;
  std::optional<data::Mixing> mixing_;
};

}  // namespace autonorm::train
