#include "core/train/trial_loop.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "core/base/sha256.h"
#include "core/optim/schedule.h"

namespace autonorm::train {
namespace {

constexpr std::chrono::seconds kCheckpointInterval(10);  // when checkpoint_every = 0

// A deviation is no mean over samples; it follows from two.
void make_deviation(std::map<std::string, double>& stats) {
  const auto square = stats.extract("input_square");
  if (!square) return;
  const double mean = stats.at("input_mean");
  stats["input_std"] = std::sqrt(std::max(square.mapped() - mean * mean, 0.0));
}

double seconds_between(SteadyTime from, SteadyTime to) { return std::chrono::duration<double>(to - from).count(); }

}  // namespace

TrialLoop::TrialLoop(const LoopParts& parts, LoopState state)
    : inputs_(parts.inputs),
      config_(parts.inputs.config.train),
      clock_(parts.clock),
      model_(parts.model),
      optimizer_(parts.optimizer),
      average_(parts.average),
      best_(parts.best),
      data_(parts.data),
      plan_(config_, inputs_.config.seed, data_.train.size(), inputs_.gang->rank(), inputs_.gang->size()),
      meter_(*inputs_.gang, inputs_.device),
      train_step_(inputs_.config, plan_, model_, optimizer_, *inputs_.gang,
                  {.train = &data_.train, .scale = data_.scale, .teacher_logits = parts.teacher_logits}),
      state_(std::move(state)),
      reporter_(*inputs_.sink, clock_) {}

Result<TrialResult::Outcome> TrialLoop::run() {
  reporter_.phase("training");
  step_clock_ = last_checkpoint_ = clock_.now().steady;
  last_checkpoint_step_ = state_.step;
  while (state_.step < plan_.total_steps() && !best_.patience_spent()) {
    const int64_t step = state_.step;
    begin_epoch_of(step);
    train_step_.run(step, order_, meter_);
    average_.update(++state_.step);
    const int64_t samples = plan_.global_batch(step).size();
    state_.interval_samples += samples;
    state_.samples_trained += samples;
    charged_samples_ += samples;
    ++charged_steps_;
    const Next next = after_step();
    if (next == Next::kDiverged) return TrialResult::Outcome::kDiverged;
    if (next == Next::kStop) return TrialResult::Outcome::kStopped;
    if (next == Next::kGoOn) continue;
    if (const auto saved = save_checkpoint(); !saved.ok()) return saved.status();
    if (next == Next::kCheckpointAndStop) return TrialResult::Outcome::kStopped;
    reporter_.phase("training");
    step_clock_ = last_checkpoint_ = clock_.now().steady;
    last_checkpoint_step_ = state_.step;
  }
  // Trials of one seed had the same batches for as long as both trained; their hashes are to say so.
  if (state_.epochs_begun < config_.epochs) reporter_.phase("evaluating");  // no step is made meanwhile
  while (state_.epochs_begun < config_.epochs) {
    if (inputs_.gang->size() == 1 && wishes().stop_now) return TrialResult::Outcome::kStopped;
    add_to_order_hash(plan_.order(state_.epochs_begun));
  }
  return TrialResult::Outcome::kCompleted;
}

Result<int64_t> TrialLoop::settle() {
  if (best_.adopted()) return best_.best().step;  // resumed from the trial's last checkpoint
  if (!best_.kept()) {
    average_.adopt();
    return state_.step;
  }
  AUTONORM_RETURN_IF_ERROR(best_.adopt());
  state_.val_loss = best_.best().loss;
  state_.val_accuracy = best_.best().accuracy;
  return best_.best().step;
}

void TrialLoop::begin_epoch_of(int64_t step) {
  const int64_t epoch = plan_.epoch_of(step);
  if (epoch == order_epoch_) return;
  std::vector<int64_t> order = plan_.order(epoch);
  order_epoch_ = epoch;
  order_ = at::from_blob(order.data(), {static_cast<int64_t>(order.size())}, at::TensorOptions(at::kLong))
               .clone()
               .to(inputs_.device);
  if (epoch == state_.epochs_begun) add_to_order_hash(order);  // else resumed within the epoch
}

void TrialLoop::add_to_order_hash(const std::vector<int64_t>& order) {
  Sha256Stream chain;
  chain.update(state_.order_hash.data(), state_.order_hash.size());
  chain.update(order.data(), order.size() * sizeof(int64_t));
  state_.order_hash = chain.finish().value();
  ++state_.epochs_begun;
}

TrialLoop::Next TrialLoop::after_step() {
  const bool last = state_.step == plan_.total_steps();
  const bool log = state_.step % config_.log_every == 0 || last;
  const bool epoch_end = state_.step % plan_.steps_per_epoch() == 0;
  if (!log && !epoch_end) {
    // A rank on its own can stop at once; in a gang the others would wait for it.
    return inputs_.gang->size() == 1 && wishes().stop_now ? Next::kStop : Next::kGoOn;
  }
  const Drained drained = meter_.drain(wishes());
  charge_time();
  state_.interval_loss += drained.loss_sum;
  if (log) report_interval();
  if (!std::isfinite(drained.loss_sum)) return Next::kDiverged;
  if (drained.any.stop_now) return Next::kStop;
  if (epoch_end) end_epoch();
  if (best_.patience_spent()) {
    if (!log) report_interval();
    return Next::kGoOn;
  }
  if (!log || last) return Next::kGoOn;
  if (drained.any.stop_at_checkpoint) return Next::kCheckpointAndStop;
  return drained.any.checkpoint ? Next::kCheckpoint : Next::kGoOn;
}

// The leader's clock decides when a timed checkpoint is due; the others follow through the drain.
Wishes TrialLoop::wishes() const {
  const StopRequest stop = inputs_.stop != nullptr ? inputs_.stop->load(std::memory_order_relaxed) : StopRequest::kNone;
  bool due = false;
  if (inputs_.gang->leads()) {
    due = config_.checkpoint_every > 0 ? state_.step - last_checkpoint_step_ >= config_.checkpoint_every
                                       : clock_.now().steady - last_checkpoint_ >= kCheckpointInterval;
  }
  return {
      .stop_now = stop == StopRequest::kNow, .stop_at_checkpoint = stop == StopRequest::kCheckpoint, .checkpoint = due};
}

void TrialLoop::report_interval() {
  state_.train_loss = state_.interval_loss / static_cast<double>(state_.interval_samples);
  state_.has_train_loss = true;
  state_.interval_loss = 0;
  state_.interval_samples = 0;
  reporter_.point("train/loss", state_.step, state_.train_loss);
  reporter_.point("train/lr", state_.step, optim::learning_rate(config_, state_.step - 1, plan_.total_steps()));
  const double throughput = charged_seconds_ > 0 ? static_cast<double>(charged_samples_) / charged_seconds_ : 0.0;
  if (charged_steps_ > 0) step_ms_.push_back(1e3 * charged_seconds_ / static_cast<double>(charged_steps_));
  charged_seconds_ = 0;
  charged_steps_ = charged_samples_ = 0;
  reporter_.flush_if_due();
  reporter_.sink().progress(state_.step, plan_.total_steps(), state_.train_loss, throughput);
}

void TrialLoop::end_epoch() {
  const int64_t epoch = state_.step / plan_.steps_per_epoch();
  if (epoch % config_.eval_every != 0 && state_.step != plan_.total_steps()) return;
  average_.in_place([this] { validate(); });
  reporter_.phase("training");
  step_clock_ = clock_.now().steady;
}

void TrialLoop::validate() {
  const eval::Evaluation evaluation = evaluate(data_.val, 0);
  if (evaluation.samples == 0) return;
  state_.val_accuracy = evaluation.accuracy();
  state_.val_loss = evaluation.loss();
  state_.has_val = true;
  const auto [metric, value] = judgement(evaluation);
  reporter_.point("val/" + metric, state_.step, value);
  reporter_.point("val/loss", state_.step, state_.val_loss);
  report_norms(evaluation);
  const double accuracy = data_.real_target ? 0.0 : state_.val_accuracy;
  best_.judge({.step = state_.step, .loss = state_.val_loss, .accuracy = accuracy});
}

std::pair<std::string, double> TrialLoop::judgement(const eval::Evaluation& evaluation) const {
  if (!data_.real_target) return {"accuracy", evaluation.accuracy()};
  return {"rmse", std::sqrt(evaluation.loss()) * data_.real_target->deviation};
}

eval::Evaluation TrialLoop::evaluate(const data::Split& split, int64_t noise_stream) {
  reporter_.phase("evaluating");
  return eval::evaluate(model_, split, evaluation_options(noise_stream), *inputs_.gang);
}

eval::EvaluationOptions TrialLoop::evaluation_options(int64_t noise_stream) const {
  return {.scale = data_.scale,
          .step = state_.step,
          .total_steps = plan_.total_steps(),
          .seed = inputs_.config.seed,
          .noise_stream = noise_stream,
          .bf16 = config_.precision == config::Precision::kBf16,
          .tta = inputs_.config.data.tta && noise_stream == 1,
          .record = noise_stream == 0};
}

eval::Latency TrialLoop::latency(const data::Split& split, int64_t batch) {
  reporter_.phase("evaluating");
  return eval::latency(model_, split, batch, evaluation_options(1), clock_);
}

// Every value is a parameter's, equal on all ranks, or a mean over the rank's samples: the mean weighted by samples is
// that of all.
void TrialLoop::report_norms(const eval::Evaluation& evaluation) {
  auto stats = model_.norm_stats();
  std::vector<double> values;
  for (const auto& [site, by_name] : stats) {
    for (const auto& [name, value] : by_name) values.push_back(value * static_cast<double>(evaluation.local_samples));
  }
  if (values.empty()) return;
  at::Tensor sums = at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::TensorOptions(at::kDouble))
                        .clone()
                        .to(inputs_.device);
  inputs_.gang->all_reduce_sum(sums);
  const at::Tensor host = sums.cpu();
  const auto* sum = host.const_data_ptr<double>();
  for (auto& [site, by_name] : stats) {
    for (auto& [name, value] : by_name) value = *sum++ / static_cast<double>(evaluation.samples);
    make_deviation(by_name);
  }
  reporter_.sink().norm_stats(state_.step, stats);
}

Result<std::filesystem::path> TrialLoop::save_checkpoint() {
  reporter_.phase("checkpointing");
  std::filesystem::path folder;
  if (inputs_.gang->leads()) {
    auto saved = checkpoint::save(inputs_.checkpoint_parent,
                                  capture(inputs_.config, state_, {model_.table(), optimizer_, average_, best_}));
    if (!saved.ok()) return saved.status().with_context(cat("checkpoint of step ", state_.step));
    folder = *saved;
    reporter_.sink().checkpoint(state_.step, folder);
  }
  return folder;
}

void TrialLoop::charge_time() {
  const SteadyTime now = clock_.now().steady;
  const double seconds = seconds_between(step_clock_, now);
  state_.train_seconds += seconds;
  charged_seconds_ += seconds;
  step_clock_ = now;
}

double TrialLoop::median_step_ms() const {
  if (step_ms_.empty()) return 0.0;
  std::vector<double> sorted = step_ms_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

}  // namespace autonorm::train
