// The operation augment.
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <numeric>

#include "core/config/trial_config.h"
#include "core/data/augment.h"
#include "core/data/erasing.h"
#include "core/data/image_policy.h"
#include "core/data/mixing.h"
#include "core/train/probe_ops.h"

namespace autonorm::train {
namespace {

Result<at::Tensor> given_images(ProbeInput& input) {
  auto x = input.get("x");
  if (!x.ok()) return x;
  if (x->dim() != 4) return invalid("tensor 'x' has shape ", x->sizes(), "; allowed: [B, channels, height, width]");
  return x->to(at::kFloat).clone();
}

// [B, layers, 2] float64: number of the operation and its argument, -1 where the layer changes nothing
at::Tensor drawn_ops(const data::ImagePolicy& policy, const at::Tensor& images, uint32_t step, uint32_t micro_batch) {
  at::Tensor ops = at::full({images.size(0), policy.layers(), 2}, -1.0, at::TensorOptions(at::kDouble));
  auto* out = ops.mutable_data_ptr<double>();
  for (int64_t row = 0; row < images.size(0); ++row) {
    for (const auto& op : policy.draw(row, step, micro_batch, images.size(2), images.size(3))) {
      if (op) {
        out[0] = static_cast<double>(op->op);
        out[1] = op->argument;
      }
      out += 2;
    }
  }
  return ops;
}

}  // namespace

// As TrainStep does it, with the whole of `x` as one micro-batch.
Status probe_augment(const nlohmann::json& json, ProbeInput& input, checkpoint::NamedTensors& out) {
  const ProbeSpec spec(json);
  AUTONORM_RETURN_IF_ERROR(spec.check_keys({"op", "config", "seed", "step", "micro_batch"}));
  const auto trial = config::parse_trial({{"train", spec.object("config")}});
  const auto seed = spec.integer("seed", 0, 0), step = spec.integer("step", 0, 0);
  const auto micro = spec.integer("micro_batch", 0, 0);
  const auto given = given_images(input);
  for (const Status& status : {trial.status(), seed.status(), step.status(), micro.status(), given.status()}) {
    if (!status.ok()) return status;
  }
  const config::TrainConfig& train = trial->train;
  const auto key = static_cast<uint64_t>(*seed);
  const auto at = static_cast<uint32_t>(*step), part = static_cast<uint32_t>(*micro);
  at::Tensor images = *given;  // [B, C, H, W]
  std::vector<int64_t> positions(static_cast<size_t>(images.size(0)));
  std::iota(positions.begin(), positions.end(), 0);
  if (train.augment == config::Augment::kCropFlip) {
    images = data::CropFlip(key, train.crop_min)(images, positions, at, part, data::PixelScale());
  }
  if (const auto flips = config::pads_and_crops(train.augment)) {
    images = data::PadCrop(key, *flips)(images, positions, at, part, data::PixelScale());
  }
  if (train.policy != config::Policy::kNone) {
    if (images.size(1) != 1 && images.size(1) != 3) {
      return invalid("train.policy: tensor 'x' has ", images.size(1), " channels; allowed: 1 or 3");
    }
    const data::ImagePolicy policy(key, train);
    images = policy(images, positions, at, part, data::PixelScale());
    out.emplace_back("policy", drawn_ops(policy, images, at, part));
  }
  if (train.erase > 0) data::Erasing(key, train.erase)(images, positions, at, part);
  data::Mix mix;
  if (config::mixes(train)) mix = data::Mixing(key, train).draw(at, part, images.size(2), images.size(3));
  if (mix.share < 1) images = data::mixed(images, images.flip(0), mix);
  out.emplace_back("x", images);
  out.emplace_back("partner", at::arange(images.size(0), at::TensorOptions(at::kLong)).flip(0));
  out.emplace_back("share", at::full({}, mix.share, at::TensorOptions(at::kDouble)));
  return {};
}

}  // namespace autonorm::train
