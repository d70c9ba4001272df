#include "core/train/best_weights.h"

#include <algorithm>
#include <cmath>

#include "core/train/facts.h"
#include "core/train/teacher.h"

namespace autonorm::train {
namespace {

const std::string kPrefix = "best.";

}  // namespace

void BestWeights::judge(const Validation& found) {
  if (patience_ == 0) return;
  if (!std::isfinite(found.loss)) {
    ++worse_;
    return;
  }
  const bool better = !kept() || found.loss < lowest_loss_ || found.accuracy > highest_accuracy_;
  lowest_loss_ = kept() ? std::min(lowest_loss_, found.loss) : found.loss;
  highest_accuracy_ = kept() ? std::max(highest_accuracy_, found.accuracy) : found.accuracy;
  worse_ = better ? 0 : worse_ + 1;
  if (!better) return;
  best_ = found;
  weights_ = model_tensors(table_);
  for (auto& [name, value] : weights_) value = value.detach().clone();
}

Status BestWeights::adopt() {
  AUTONORM_RETURN_IF_ERROR(load_parameters(weights_, table_));
  weights_.clear();
  adopted_ = true;
  return {};
}

checkpoint::NamedTensors BestWeights::tensors() const {
  checkpoint::NamedTensors named = weights_;
  for (auto& [name, value] : named) name.insert(0, kPrefix);
  return named;
}

nlohmann::json BestWeights::host_state() const {
  return {{"step", best_.step},
          {"loss", best_.loss},
          {"accuracy", best_.accuracy},
          {"lowest_loss", lowest_loss_},
          {"highest_accuracy", highest_accuracy_},
          {"worse", worse_},
          {"adopted", adopted_}};
}

Status BestWeights::restore(const std::map<std::string, at::Tensor>& by_name, const nlohmann::json& host_state) {
  if (patience_ == 0) return {};
  try {
    host_state.at("step").get_to(best_.step);
    host_state.at("loss").get_to(best_.loss);
    host_state.at("accuracy").get_to(best_.accuracy);
    host_state.at("lowest_loss").get_to(lowest_loss_);
    host_state.at("highest_accuracy").get_to(highest_accuracy_);
    host_state.at("worse").get_to(worse_);
    adopted_ = host_state.value("adopted", false);
  } catch (const nlohmann::json::exception& error) {
    return invalid("field 'best' of the checkpoint's host_state: ", error.what());
  }
  weights_.clear();
  for (const auto& [name, value] : model_tensors(table_)) {
    const auto found = by_name.find(kPrefix + name);
    if (found == by_name.end()) {
      if (weights_.empty()) return {};  // saved before the first validation, or after adopt()
      return invalid("the checkpoint has no tensor '", kPrefix, name, "'");
    }
    weights_.emplace_back(name, found->second.to(value.device(), /*non_blocking=*/false, /*copy=*/true));
  }
  return {};
}

}  // namespace autonorm::train
