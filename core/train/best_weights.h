// Early stopping (train.patience): training ends after so many validations in a row without an improvement, and what is
// judged and kept are the weights of the last one that was an improvement, whether or not training ended early. As in
// AutoNorm's code a validation improves when its loss is lower, or its accuracy higher, than any before; other than
// there the reported validation values are those of the kept weights, and the validation split is never the test set.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/status.h"
#include "core/checkpoint/checkpoint.h"
#include "core/config/trial_config.h"
#include "core/norms/parameter_table.h"

namespace autonorm::train {

struct Validation {
  int64_t step = 0;
  double loss = 0, accuracy = 0;  // 0 in a regression, which is judged by its loss
};

// Equal on all ranks, as validations are. Without train.patience it does nothing.
class BestWeights {
 public:
  BestWeights(const config::TrainConfig& config, norms::ParameterTable& table)
      : patience_(config.patience), table_(table) {}

  // `found` belongs to the weights that the table holds now; they are copied when it is an improvement.
  void judge(const Validation& found);
  // Whether training ends.
  bool patience_spent() const { return patience_ > 0 && worse_ >= patience_; }
  bool kept() const { return !weights_.empty(); }
  // The weights of kept() go back into the table. For good: the table has them then, also after a resume.
  Status adopt();
  bool adopted() const { return adopted_; }
  // What was found with the best weights.
  const Validation& best() const { return best_; }

  // What a checkpoint needs: "best.NAME" tensors that share memory with this, and the host's part.
  checkpoint::NamedTensors tensors() const;
  nlohmann::json host_state() const;
  // kInvalid names the missing tensor or field.
  Status restore(const std::map<std::string, at::Tensor>& by_name, const nlohmann::json& host_state);

 private:
  const int64_t patience_;
  norms::ParameterTable& table_;
  checkpoint::NamedTensors weights_;  // names of model_tensors()
  Validation best_;                   // of weights_
  double lowest_loss_ = 0, highest_accuracy_ = 0;
  int64_t worse_ = 0;  // validations since
  bool adopted_ = false;
};

}  // namespace autonorm::train
