// Everything on the host that the training loop carries from step to step. Together with weights and moments it makes a
// resumed trial go on bit-identically.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/checkpoint/checkpoint.h"
#include "core/config/trial_config.h"
#include "core/norms/parameter_table.h"
#include "core/optim/optimizer.h"
#include "core/optim/weight_average.h"
#include "core/train/best_weights.h"

namespace autonorm::train {

struct LoopState {
  int64_t step = 0;              // optimizer steps done
  double interval_loss = 0;      // loss sum since the last train/loss point …
  int64_t interval_samples = 0;  // … and its samples; both 0 at a checkpoint
  double train_loss = 0;         // the last train/loss point
  bool has_train_loss = false;
  double val_accuracy = 0, val_loss = 0;  // of the last evaluation
  bool has_val = false;
  double train_seconds = 0;     // in training steps, all attempts together
  int64_t samples_trained = 0;  // of all ranks
  // SHA-256 chain: hash(previous hash, the epoch's order), epochs begun so far; at the end of a trial all epochs, those
  // that early stopping left out, too
  std::string order_hash;
  int64_t epochs_begun = 0;
  // Of the trainers that made these steps, in order (build_of_this_process()): more than one where a trial went on
  // after an upgrade.
  std::vector<std::string> builds;
};

nlohmann::json to_json(const LoopState& state);
// kInvalid names the missing or wrong field.
Result<LoopState> loop_state_from_json(const nlohmann::json& json);

// What training changes, but for the host's part.
struct Trained {
  norms::ParameterTable& table;
  optim::Optimizer& optimizer;
  optim::WeightAverage& average;
  BestWeights& best;
};
// Everything at one moment. Tensors share memory with `trained`; save before the next step.
checkpoint::Checkpoint capture(const config::TrialConfig& config, const LoopState& state, const Trained& trained);
// The reverse, in place. kInvalid: another trial's checkpoint, a missing tensor or field.
Result<LoopState> restore(const checkpoint::Checkpoint& checkpoint, const config::TrialConfig& config,
                          const Trained& trained);

}  // namespace autonorm::train
