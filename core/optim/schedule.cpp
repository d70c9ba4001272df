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
  if (config.schedule == config::Schedule::kCosineEpochs) {
    const double epoch = std::floor(at / steps_per_epoch + kRounding);
    return along_cosine(config, epoch / epochs);
  }
  const double end = config.horizon > 0 ? epochs * steps_per_epoch : static_cast<double>(total_steps);
  const double progress = (at - warmup) / std::max(1.0, end - warmup);
  return along_cosine(config, progress);
}

}  // namespace autonorm::optim
