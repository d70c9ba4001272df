#include "core/train/loop_state.h"

#include <ATen/core/grad_mode.h>

#include "core/train/facts.h"
#include "core/train/teacher.h"

namespace autonorm::train {
namespace {

// The fields once, for both directions.
template <class State, class Visitor>
void visit_fields(State& state, Visitor&& visit) {
  visit("step", state.step);
  visit("interval_loss", state.interval_loss);
  visit("interval_samples", state.interval_samples);
  visit("train_loss", state.train_loss);
  visit("has_train_loss", state.has_train_loss);
  visit("val_accuracy", state.val_accuracy);
  visit("val_loss", state.val_loss);
  visit("has_val", state.has_val);
  visit("train_seconds", state.train_seconds);
  visit("samples_trained", state.samples_trained);
  visit("order_hash", state.order_hash);
  visit("epochs_begun", state.epochs_begun);
}

// Into `kept`, of optimizer or average.
Status restore_tensors(const std::map<std::string, at::Tensor>& by_name, const std::vector<optim::NamedTensor>& kept) {
  const at::NoGradGuard no_grad;
  for (const optim::NamedTensor& one : kept) {
    const auto found = by_name.find(one.name);
    if (found == by_name.end() || found->second.sizes() != one.value.sizes()) {
      return invalid("the checkpoint has no tensor '", one.name, "' of shape ", one.value.sizes());
    }
    one.value.copy_(found->second);
  }
  return {};
}

}  // namespace

nlohmann::json to_json(const LoopState& state) {
  nlohmann::json json;
  visit_fields(state, [&](const char* name, const auto& value) { json[name] = value; });
  json["builds"] = state.builds;
  return json;
}

Result<LoopState> loop_state_from_json(const nlohmann::json& json) {
  LoopState state;
  Status status;
  const auto read = [&](const char* name, auto& value) {
    if (!json.contains(name)) {
      status = invalid("the checkpoint's host_state has no field '", name, "'");
      return;
    }
    try {
      json.at(name).get_to(value);
    } catch (const nlohmann::json::exception& error) {
      status = invalid("field '", name, "' of the checkpoint's host_state: ", error.what());
    }
  };
  visit_fields(state, read);
  state.builds = {"unknown"};  // checkpoints of older releases do not say
  if (json.contains("builds")) read("builds", state.builds);
  if (!status.ok()) return status;
  return state;
}

checkpoint::Checkpoint capture(const config::TrialConfig& config, const LoopState& state, const Trained& trained) {
  checkpoint::Checkpoint checkpoint;
  checkpoint.trial = config::trial_id(config);
  checkpoint.step = state.step;
  checkpoint.config = config::resolved(config);
  checkpoint.host_state = to_json(state);
  checkpoint.tensors = model_tensors(trained.table);
  for (const auto& [name, value] : trained.optimizer.state()) checkpoint.tensors.emplace_back(name, value);
  for (const auto& [name, value] : trained.average.averages()) checkpoint.tensors.emplace_back(name, value);
  if (config.train.patience == 0) return checkpoint;
  checkpoint.host_state["best"] = trained.best.host_state();
  for (auto& named : trained.best.tensors()) checkpoint.tensors.push_back(std::move(named));
  return checkpoint;
}

Result<LoopState> restore(const checkpoint::Checkpoint& checkpoint, const config::TrialConfig& config,
                          const Trained& trained) {
  const TrialId expected = config::trial_id(config);
  if (checkpoint.trial != expected) {
    return invalid("the checkpoint belongs to trial ", short_form(checkpoint.trial), ", this is trial ",
                   short_form(expected), "; resume with the configuration that wrote it");
  }
  Result<LoopState> state = loop_state_from_json(checkpoint.host_state);
  if (!state.ok()) return state;
  AUTONORM_RETURN_IF_ERROR(load_parameters(checkpoint.tensors, trained.table));
  const std::map<std::string, at::Tensor> by_name(checkpoint.tensors.begin(), checkpoint.tensors.end());
  AUTONORM_RETURN_IF_ERROR(restore_tensors(by_name, trained.optimizer.state()));
  AUTONORM_RETURN_IF_ERROR(restore_tensors(by_name, trained.average.averages()));
  const auto best = checkpoint.host_state.find("best");
  const nlohmann::json host = best == checkpoint.host_state.end() ? nlohmann::json::object() : *best;
  AUTONORM_RETURN_IF_ERROR(trained.best.restore(by_name, host));
  trained.optimizer.set_steps(state->step);
  return state;
}

}  // namespace autonorm::train
