// The operations optimizer, schedule and loss.
#include <ATen/ops/empty.h>

#include "core/config/trial_config.h"
#include "core/eval/loss.h"
#include "core/optim/optimizer.h"
#include "core/optim/schedule.h"
#include "core/optim/weight_average.h"
#include "core/train/probe_ops.h"

namespace autonorm::train {
namespace {

Result<config::TrainConfig> train_config(const ProbeSpec& spec) {
  auto trial = config::parse_trial({{"train", spec.object("config")}});
  if (!trial.ok()) return trial.status();
  return trial->train;
}

// A table with the parameters that IN names "param.NAME", sorted by name.
Status add_given_parameters(ProbeInput& input, norms::ParameterTable& table) {
  for (const std::string& name : input.names_with_prefix("param.")) {
    const auto value = input.get("param." + name);
    if (!value.ok()) return value.status();
    table.add(name, value->sizes(), {norms::Init::kZeros});
  }
  if (table.parameters().empty()) return invalid("IN has no tensor 'param.NAME'");
  return replace_parameters(input, table);
}

}  // namespace

Status probe_optimizer(const nlohmann::json& json, ProbeInput& input, checkpoint::NamedTensors& out) {
  const ProbeSpec spec(json);
  AUTONORM_RETURN_IF_ERROR(spec.check_keys({"op", "config", "steps", "lr", "dtype"}));
  const auto config = train_config(spec);
  if (!config.ok()) return config.status();
  const auto steps = spec.integer("steps", 1, 1);
  const auto lr = spec.real("lr", config->lr);
  const auto dtype = probe_dtype(spec);
  for (const Status& status : {steps.status(), lr.status(), dtype.status()}) {
    if (!status.ok()) return status;
  }
  norms::ParameterTable table(0, parameter_dtype(*dtype));
  AUTONORM_RETURN_IF_ERROR(add_given_parameters(input, table));
  optim::Optimizer optimizer(*config, table);
  optim::WeightAverage average(*config, table);
  for (int64_t step = 0; step < *steps; ++step) {
    for (norms::Parameter& parameter : table.parameters()) {
      const auto gradient = input.get_for_step("grad." + parameter.name, step);
      if (!gradient.ok()) return gradient.status();
      if (gradient->sizes() != parameter.value.sizes())
        return invalid("gradient of '", parameter.name, "' has shape ", gradient->sizes());
      parameter.value.mutable_grad() = gradient->to(parameter.value.scalar_type()).clone();
    }
    optimizer.step(*lr, config->clip);
    average.update(step + 1);
  }
  append_parameters(table, out);
  for (const auto& [name, value] : optimizer.state()) out.emplace_back(name.substr(name.find('.') + 1), value);
  for (const auto& [name, value] : average.averages()) out.emplace_back(name, value);
  return {};
}

Status probe_schedule(const nlohmann::json& json, ProbeInput&, checkpoint::NamedTensors& out) {
  const ProbeSpec spec(json);
  AUTONORM_RETURN_IF_ERROR(spec.check_keys({"op", "config", "total_steps"}));
  const auto config = train_config(spec);
  if (!config.ok()) return config.status();
  const auto total = spec.integer("total_steps", 0, 1);
  if (!total.ok()) return total.status();
  if (*total == 0) return invalid("'total_steps' is missing");
  at::Tensor rates = at::empty({*total}, at::TensorOptions(at::kDouble));  // [N]
  for (int64_t step = 0; step < *total; ++step) {
    rates.mutable_data_ptr<double>()[step] = optim::learning_rate(*config, step, *total);
  }
  out.emplace_back("lr", rates);
  return {};
}

Status probe_loss(const nlohmann::json& json, ProbeInput& input, checkpoint::NamedTensors& out) {
  const ProbeSpec spec(json);
  AUTONORM_RETURN_IF_ERROR(spec.check_keys({"op", "loss", "label_smoothing", "temperature"}));
  const auto kind = spec.word("loss", {"cross_entropy", "distillation", "hard_distillation"});
  const auto smoothing = spec.real("label_smoothing", 0.0);
  const auto temperature = spec.real("temperature", 1.0);
  const auto given = input.get("logits");
  for (const Status& status : {kind.status(), smoothing.status(), temperature.status(), given.status()}) {
    if (!status.ok()) return status;
  }
  const bool of_labels = *kind == "cross_entropy";
  const auto target = input.get(of_labels ? "labels" : "teacher");
  if (!target.ok()) return target.status();
  const at::Tensor logits = given->detach().clone().requires_grad_(true);  // [B, K]
  const at::Tensor loss = of_labels                 ? eval::cross_entropy(logits, target->to(at::kLong), *smoothing)
                          : *kind == "distillation" ? eval::distillation(logits, *target, *temperature)
                                                    : eval::hard_distillation(logits, *target);
  loss.sum().backward();
  out.emplace_back("loss", loss.detach());
  out.emplace_back("grad.logits", logits.grad());
  return {};
}

}  // namespace autonorm::train
