#include "core/train/run_trial.h"

#include <ATen/ops/zeros.h>

#include <cmath>

#include "core/train/facts.h"
#include "core/train/robustness.h"
#include "core/train/start.h"
#include "core/train/teacher.h"
#include "core/train/trial_loop.h"

namespace autonorm::train {
namespace {

data::Split to_device(const data::Split& split, at::Device device) {
  if (split.size() == 0) return split;
  return {.images = split.images.to(device), .labels = split.labels.to(device)};
}

// The data set with its tensors on the device; on the CPU they are shared.
data::Dataset to_device(const data::Dataset& dataset, at::Device device) {
  data::Dataset moved = dataset;
  for (data::Split* split : {&moved.train, &moved.val, &moved.test}) *split = to_device(*split, device);
  return moved;
}

models::InputShape input_shape(const data::Dataset& dataset) {
  return {.channels = dataset.channels, .height = dataset.height, .width = dataset.width, .classes = dataset.classes};
}

Status check_inputs(const TrialInputs& inputs) {
  if (inputs.dataset->train.size() == 0) {
    return invalid("data set '", inputs.dataset->name,
                   "' has no training sample left; raise data.train_limit or lower data.val_fraction");
  }
  if (inputs.config.ranks != inputs.gang->size()) {
    return invalid("the trial asks for ranks = ", inputs.config.ranks, " and was started with ", inputs.gang->size());
  }
  return {};
}

// The teacher's logits on the training set; undefined without distillation.
Result<at::Tensor> distillation_targets(const TrialInputs& inputs, const data::Dataset& data) {
  if (!inputs.config.train.distill) return at::Tensor();
  const std::string& stage = inputs.config.train.distill->from;
  const auto folder = inputs.inputs.find(stage);
  if (folder == inputs.inputs.end()) {
    return invalid("train.distill.from = '", stage, "': no checkpoint was given for this stage");
  }
  auto teacher = load_trained(folder->second, input_shape(data));
  if (!teacher.ok()) return teacher.status().with_context("stage '" + stage + "'");
  (*teacher)->table().to_device(inputs.device);
  return teacher_logits(**teacher, data.train, data.scale, inputs.config.seed);
}

// The weights of train.start's stage, where the trial has one.
Status load_configured_start(const TrialInputs& inputs, models::Model& model) {
  if (!inputs.config.train.start) return {};
  const std::string& stage = inputs.config.train.start->from;
  const auto folder = inputs.inputs.find(stage);
  if (folder == inputs.inputs.end()) {
    return invalid("train.start.from = '", stage, "': no checkpoint was given for this stage");
  }
  return load_start(folder->second, inputs.config, model).with_context("stage '" + stage + "'");
}

// The largest of the ranks' values.
double largest_of_ranks(double value, const TrialInputs& inputs) {
  at::Tensor values =
      at::zeros({inputs.gang->size()}, at::TensorOptions(at::kDouble).device(inputs.device));  // [ranks]
  values.select(0, inputs.gang->rank()).fill_(value);
  inputs.gang->all_reduce_sum(values);
  return values.max().item<double>();
}

void add_finite(std::map<std::string, double>& results, const std::string& metric, double value) {
  if (std::isfinite(value)) results[metric] = value;
}

// Everything but the test set's values.
void fill_results(TrialResult& result, const TrialLoop& loop, models::Model& model, const TrialInputs& inputs,
                  const PeakMemory& memory) {
  const LoopState& state = loop.state();
  result.step = state.step;
  if (state.has_train_loss) add_finite(result.results, "train/loss", state.train_loss);
  if (state.has_val) {
    if (!inputs.dataset->real_target) add_finite(result.results, "val/accuracy", state.val_accuracy);
    if (const auto& target = inputs.dataset->real_target) {
      add_finite(result.results, "val/rmse", std::sqrt(state.val_loss) * target->deviation);
    }
    add_finite(result.results, "val/loss", state.val_loss);
  }
  result.results["train/seconds"] = state.train_seconds;
  if (state.train_seconds > 0) {
    result.results["train/samples_per_s"] = static_cast<double>(state.samples_trained) / state.train_seconds;
    result.results["train/step_ms"] = loop.median_step_ms();
  }
  result.results["model/parameters"] = static_cast<double>(model.table().count());
  result.results["model/macs"] = static_cast<double>(model.macs());
  result.results["memory/peak_mib"] = largest_of_ranks(memory.mib(), inputs);
  for (const auto& [name, value] : environment_facts(inputs.device)) result.facts[name] = value;
  result.facts["build"] = join(state.builds, ", then ");
  result.facts["data_sha256"] = inputs.dataset->fingerprint.value();
  result.facts["final_step"] = cat(state.step);
  result.facts["order_sha256"] = state.order_hash;
  result.facts["weights_sha256"] = checkpoint::tensors_sha256(model_tensors(model.table())).value();
}

void add_latency(std::map<std::string, double>& results, TrialLoop& loop, const data::Split& test) {
  const eval::Latency one = loop.latency(test, 1), many = loop.latency(test, eval::kLatencyBatch);
  results["model/latency_ms"] = many.median_ms / static_cast<double>(eval::kLatencyBatch);
  results["model/latency_1_ms"] = one.median_ms;
  results["model/latency_1_p95_ms"] = one.p95_ms;
}

// The end of a trial that ran to its last step: the test set, once, and the trained model for whoever depends on it.
Status finish(TrialResult& result, TrialLoop& loop, const data::Dataset& data, const TrialInputs& inputs) {
  const eval::Evaluation test = loop.evaluate(data.test, 1);
  if (test.samples > 0) {
    const auto [metric, value] = loop.judgement(test);
    add_finite(result.results, "test/" + metric, value);
    add_finite(result.results, "test/loss", test.loss());
    loop.reporter().point("test/" + metric, loop.state().step, value);
    loop.reporter().point("test/loss", loop.state().step, test.loss());
    if (!std::isfinite(test.loss_sum)) result.outcome = TrialResult::Outcome::kDiverged;
    judge_corrupted(result.results, loop, data, inputs.config.data);
  }
  auto saved = loop.save_checkpoint();
  if (!saved.ok()) return saved.status();
  result.final_checkpoint = *saved;
  // After everything that is kept, so that nothing can depend on it.
  if (test.samples > 0 && inputs.gang->leads()) add_latency(result.results, loop, data.test);
  return {};
}

}  // namespace

Result<TrialResult> run_trial(const TrialInputs& inputs) {
  static const SystemClock system_clock;
  const Clock& clock = inputs.clock != nullptr ? *inputs.clock : system_clock;
  inputs.sink->phase("loading");
  AUTONORM_RETURN_IF_ERROR(check_inputs(inputs));
  const PeakMemory memory(inputs.device);
  auto model = models::make_model(inputs.config, input_shape(*inputs.dataset));
  if (!model.ok()) return model.status();
  AUTONORM_RETURN_IF_ERROR(load_configured_start(inputs, **model));
  TrialResult result;
  result.initial = initial_hashes((*model)->table());
  (*model)->table().to_device(inputs.device);
  const data::Dataset data = to_device(*inputs.dataset, inputs.device);
  auto targets = distillation_targets(inputs, data);
  if (!targets.ok()) return targets.status();

  optim::Optimizer optimizer(inputs.config.train, (*model)->table(), inputs.config.model.depth);
  optim::WeightAverage average(inputs.config.train, (*model)->table());
  BestWeights best(inputs.config.train, (*model)->table());
  LoopState state;
  if (inputs.resume) {
    const auto checkpoint = checkpoint::load(*inputs.resume);
    if (!checkpoint.ok()) return checkpoint.status();
    auto restored = restore(*checkpoint, inputs.config, {(*model)->table(), optimizer, average, best});
    if (!restored.ok()) return restored.status().with_context("resuming from " + inputs.resume->string());
    state = *restored;
  }

  const std::string build = build_of_this_process(inputs.device);
  if (state.builds.empty() || state.builds.back() != build) state.builds.push_back(build);

  TrialLoop loop({.inputs = inputs,
                  .clock = clock,
                  .model = **model,
                  .optimizer = optimizer,
                  .average = average,
                  .best = best,
                  .data = data,
                  .teacher_logits = *targets},
                 std::move(state));
  const auto outcome = loop.run();
  if (!outcome.ok()) return outcome.status();
  result.outcome = *outcome;
  if (result.outcome == TrialResult::Outcome::kCompleted) {
    const auto step = loop.settle();
    if (!step.ok()) return step.status();
    if (inputs.config.train.patience > 0) result.facts["weights_of_step"] = cat(*step);
  }
  fill_results(result, loop, **model, inputs, memory);
  if (result.outcome == TrialResult::Outcome::kCompleted) AUTONORM_RETURN_IF_ERROR(finish(result, loop, data, inputs));
  loop.reporter().flush();
  return result;
}

}  // namespace autonorm::train
