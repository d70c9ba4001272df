#include "core/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace autonorm::optim {

namespace {

// `progress` in [0, 1]
double along_cosine(const config::TrainConfig& config, double progress) {
  return config.min_lr + (config.lr - config.min_lr) * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

// The published training of LearnableScaler (train.py of its repository): a cosine that the first half of the epochs
// follow at .8, and from which a straight line leads back at ⌊.66 E⌋.
double share_of_learnable_scaler(double epoch, double epochs) {
  constexpr double kShare = 0.8, kHalf = 0.5, kBack = 0.66;
  const auto cosine = [&](double at) { return 0.5 * (1.0 + std::cos(std::numbers::pi * at / epochs)); };
  const double from = kHalf * epochs, to = std::floor(kBack * epochs);
  if (epoch < from) return kShare * cosine(epoch);
  if (epoch >= to) return cosine(epoch);
  const double along = (epoch - from) / (to - from);
  return (1.0 - along) * kShare * cosine(from) + along * cosine(to);
}

}  // namespace

double learning_rate(const config::TrainConfig& config, int64_t step, int64_t total_steps) {
  // A product such as .29 · 100 may fall just below its integer.
  constexpr double kRounding = 1e-9;
  const double warmup = std::floor(config.warmup * static_cast<double>(total_steps) + kRounding);
  const auto at = static_cast<double>(step);
  if (at < warmup) return config.lr * at / warmup;
  if (config.schedule == config::Schedule::kConstant) return config.lr;
  const double steps_per_epoch = static_cast<double>(total_steps) / static_cast<double>(config.epochs);
  const auto epochs = static_cast<double>(config.horizon > 0 ? config.horizon : config.epochs);
  const double epoch = std::floor(at / steps_per_epoch + kRounding);
  if (config.schedule == config::Schedule::kCosineEpochs) return along_cosine(config, epoch / epochs);
  if (config.schedule == config::Schedule::kLearnableScaler) {
    return config.min_lr + (config.lr - config.min_lr) * share_of_learnable_scaler(epoch, epochs);
  }
  const double end = config.horizon > 0 ? epochs * steps_per_epoch : static_cast<double>(total_steps);
  const double progress = (at - warmup) / std::max(1.0, end - warmup);
  return along_cosine(config, progress);
}

}  // namespace autonorm::optim
