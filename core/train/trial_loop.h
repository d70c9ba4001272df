// The training loop of one rank. At each multiple of log_every, each epoch's end and the last step the ranks add up
// their losses and agree whether to stop; between these points nothing waits for the device.
#pragma once
#include <ATen/core/Tensor.h>

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "core/eval/evaluator.h"
#include "core/eval/latency.h"
#include "core/train/batch_plan.h"
#include "core/train/loop_state.h"
#include "core/train/loss_meter.h"
#include "core/train/reporter.h"
#include "core/train/run_trial.h"
#include "core/train/train_step.h"

namespace autonorm::train {

// The parts of a trial, ready on the device. All outlive the loop.
struct LoopParts {
  const TrialInputs& inputs;
  const Clock& clock;
  models::Model& model;
  optim::Optimizer& optimizer;
  optim::WeightAverage& average;
  BestWeights& best;
  const data::Dataset& data;  // on the device
  at::Tensor teacher_logits;  // undefined without distillation
};

class TrialLoop {
 public:
  TrialLoop(const LoopParts& parts, LoopState state);

  // Trains from state().step to the end, or until it diverges or is asked to stop. A checkpoint that cannot be written
  // is a failure.
  Result<TrialResult::Outcome> run();
  const LoopState& state() const { return state_; }
  // After the last step: the model's weights become those that are judged and kept, the best ones (train.patience) or
  // the averages (train.ema), and the state's validation is theirs. → the step that they are of; kInvalid names what
  // the best ones lack
  Result<int64_t> settle();
  Reporter& reporter() { return reporter_; }
  // Evaluates a split under phase "evaluating". `noise_stream`: 0 validation, 1 test.
  eval::Evaluation evaluate(const data::Split& split, int64_t noise_stream);
  // What is reported beside the loss: "accuracy", or "rmse" in the target's unit.
  std::pair<std::string, double> judgement(const eval::Evaluation& evaluation) const;
  // Of inference (core/eval/latency.h), of `batch` images at once. Of this rank alone.
  eval::Latency latency(const data::Split& split, int64_t batch);
  // Under phase "checkpointing". Only the leader writes; returns the folder there, an empty path elsewhere.
  Result<std::filesystem::path> save_checkpoint();
  // Median over log intervals of the mean time of a step, in ms; 0 before the first interval.
  double median_step_ms() const;

 private:
  eval::EvaluationOptions evaluation_options(int64_t noise_stream) const;
  enum class Next { kGoOn, kDiverged, kStop, kCheckpointAndStop, kCheckpoint };
  void begin_epoch_of(int64_t step);
  void add_to_order_hash(const std::vector<int64_t>& order);
  Next after_step();
  Wishes wishes() const;
  void report_interval();
  void end_epoch();
  void validate();
  void report_norms(const eval::Evaluation& evaluation);
  void charge_time();

  const TrialInputs& inputs_;
  const config::TrainConfig& config_;
  const Clock& clock_;
  models::Model& model_;
  optim::Optimizer& optimizer_;
  optim::WeightAverage& average_;
  BestWeights& best_;
  const data::Dataset& data_;
  const BatchPlan plan_;
  LossMeter meter_;
  TrainStep train_step_;
  LoopState state_;
  Reporter reporter_;
  at::Tensor order_;  // [n] int64 on the device: the current epoch's permutation
  int64_t order_epoch_ = -1;
  SteadyTime step_clock_;  // training time is charged from here
  SteadyTime last_checkpoint_;
  int64_t last_checkpoint_step_ = 0;
  double charged_seconds_ = 0;  // of this interval
  int64_t charged_steps_ = 0, charged_samples_ = 0;
  std::vector<double> step_ms_;  // one per log interval
};

}  // namespace autonorm::train
