#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>

#include "core/config/trial_config.h"
#include "core/eval/autocast.h"
#include "core/eval/loss.h"
#include "core/models/model.h"
#include "core/optim/optimizer.h"
#include "core/train/probe_ops.h"

namespace autonorm::train {
namespace {

struct ModelProbe {
  config::TrialConfig config;
  int64_t classes = 10;
  bool training = true;
  at::ScalarType dtype = at::kFloat;
  std::string loss;
  double label_smoothing = 0;
  int64_t steps = 1, steps_per_epoch = 0;  // 0: all steps are of the first epoch
  bool updates = false;                    // by the configured optimizer
};

// The model block may carry the keys of the trial that the model also reads; they move up to where a trial has them.
nlohmann::json trial_of(nlohmann::json model, const nlohmann::json& train, int64_t seed) {
  // Images of the probe's own, of a shape that its tensors tell.
  nlohmann::json trial{{"seed", seed}, {"data", {{"kind", "idx"}, {"path", "probe"}}}};
  for (const char* key : {"norm", "norm_sites", "replace_norm"}) {
    if (!model.contains(key)) continue;
    trial[key] = model[key];
    model.erase(key);
  }
  model.erase("classes");
  if (!train.empty()) trial["train"] = train;
  trial["model"] = std::move(model);
  return trial;
}

Result<ModelProbe> parse(const nlohmann::json& json) {
  const ProbeSpec spec(json);
  AUTONORM_RETURN_IF_ERROR(spec.check_keys({"op", "config", "mode", "dtype", "loss", "label_smoothing", "seed", "input",
                                            "steps", "steps_per_epoch", "train"}));
  const nlohmann::json block = spec.object("config");
  const auto classes = ProbeSpec(block).integer("classes", 10, 1);
  const auto seed = spec.integer("seed", 0, 0);
  const auto mode = spec.word("mode", {"train", "eval"});
  const auto dtype = probe_dtype(spec);
  const auto loss = json.contains("loss") || !block.contains("family") || block["family"] != "mae"
                        ? spec.word("loss", {"cross_entropy", "mse", "mae", "reconstruction"})
                        : Result<std::string>("reconstruction");
  const auto smoothing = spec.real("label_smoothing", 0.0);
  const auto steps = spec.integer("steps", 1, 1), steps_per_epoch = spec.integer("steps_per_epoch", 0, 0);
  const nlohmann::json train = spec.object("train");
  for (const Status& status : {classes.status(), seed.status(), mode.status(), dtype.status(), loss.status(),
                               smoothing.status(), steps.status(), steps_per_epoch.status()}) {
    if (!status.ok()) return status;
  }
  const auto trial = config::parse_trial(trial_of(block, train, *seed));
  if (!trial.ok()) return trial.status();
  return ModelProbe{.config = *trial,
                    .classes = *classes,
                    .training = *mode == "train",
                    .dtype = *dtype,
                    .loss = *loss,
                    .label_smoothing = *smoothing,
                    .steps = *steps,
                    .steps_per_epoch = *steps_per_epoch,
                    .updates = !train.empty()};
}

Result<at::Tensor> loss_of(const ModelProbe& probe, const at::Tensor& logits, const at::Tensor& y) {
  if (probe.loss == "cross_entropy") {
    if (y.dim() != 1 || y.size(0) != logits.size(0))
      return invalid("tensor 'y' has shape ", y.sizes(), "; allowed: [B] int64");
    return eval::cross_entropy(logits, y.to(at::kLong), probe.label_smoothing).mean();
  }
  const at::Tensor wanted = y.dim() == 1 && logits.size(1) == 1 ? y.unsqueeze(1) : y;  // [B, classes]
  if (wanted.sizes() != logits.sizes())
    return invalid("tensor 'y' has shape ", y.sizes(), "; allowed: ", logits.sizes());
  const at::Tensor error = logits - wanted.to(logits.scalar_type());
  return probe.loss == "mse" ? error.square().mean() : error.abs().mean();
}

Result<std::unique_ptr<models::Model>> build(const ModelProbe& probe, const models::InputShape& shape) {
  return models::make_model(probe.config, shape, parameter_dtype(probe.dtype));
}

Status check_loss(const ModelProbe& probe, const models::Model& model) {
  if (model.reconstructs() == (probe.loss == "reconstruction")) return {};
  return invalid("'loss' is '", probe.loss,
                 "'; allowed for this family: ", model.reconstructs() ? "reconstruction" : "cross_entropy, mse, mae");
}

// With what norms and models add for each sample of a training batch: entropies of gates, penalties.
at::Tensor with_penalty(const at::Tensor& loss, const at::Tensor& penalty) {
  return penalty.defined() ? loss + penalty.mean() : loss;
}

// One forward pass; appends what it makes and returns the loss.
Result<at::Tensor> run(const ModelProbe& probe, models::Model& model, const at::Tensor& x, norms::StepContext context,
                       ProbeInput& input, const std::string& suffix, checkpoint::NamedTensors& out) {
  at::Tensor penalty;  // [B] or [1]
  context.penalty = &penalty;
  AUTONORM_RETURN_IF_ERROR(check_loss(probe, model));
  const at::Tensor images = x.to(parameter_dtype(probe.dtype));
  const eval::Autocast autocast(at::kCPU, probe.dtype == at::kBFloat16);
  if (model.reconstructs()) {
    input.find("y");  // its targets are the images; labels that somebody gives to every model are passed over
    const models::Reconstruction reconstruction = model.reconstruct(images, context);
    out.emplace_back("logits" + suffix, reconstruction.prediction.detach());
    out.emplace_back("hidden" + suffix, reconstruction.hidden);
    out.emplace_back("close" + suffix, reconstruction.close);
    const at::Tensor loss = with_penalty(reconstruction.losses.mean(), penalty);
    out.emplace_back("loss" + suffix, loss.detach());
    return loss;
  }
  const auto y = input.get("y");
  if (!y.ok()) return y.status();
  const at::Tensor logits = model.forward(images, context);  // [B, classes]
  auto loss = loss_of(probe, logits, *y);
  if (!loss.ok()) return loss;
  loss = with_penalty(*loss, penalty);
  out.emplace_back("logits" + suffix, logits.detach());
  out.emplace_back("loss" + suffix, loss->detach());
  return loss;
}

// Forward and backward `steps` times, with an update after each when the probe trains; appends the last gradients.
Status run_steps(const ModelProbe& probe, models::Model& model, const at::Tensor& x, ProbeInput& input,
                 checkpoint::NamedTensors& out) {
  const config::TrainConfig& train = probe.config.train;
  optim::Optimizer optimizer(train, model.table(), probe.config.model.depth);
  for (int64_t k = 0; k < probe.steps; ++k) {
    optimizer.clear_gradients();
    const norms::StepContext context{.training = probe.training,
                                     .step = k,
                                     .total_steps = probe.steps,
                                     .epoch = probe.steps_per_epoch == 0 ? 0 : k / probe.steps_per_epoch,
                                     .seed = probe.config.seed};
    const auto loss = run(probe, model, x, context, input, probe.steps == 1 ? "" : cat(".", k), out);
    if (!loss.ok()) return loss.status();
    loss->backward();
    if (probe.training) {
      for (norms::Stateful* norm : model.table().stateful()) norm->gradients_ready(context);
    }
    if (k + 1 == probe.steps) {
      for (const norms::Parameter& parameter : model.table().parameters()) {
        if (parameter.value.grad().defined())
          out.emplace_back("grad." + parameter.name, parameter.value.grad().clone());
      }
    }
    if (probe.updates) optimizer.step(train.lr, train.clip);
  }
  return {};
}

}  // namespace

Status probe_model(const nlohmann::json& spec, ProbeInput& input, checkpoint::NamedTensors& out) {
  const auto probe = parse(spec);
  if (!probe.ok()) return probe.status();
  auto x = input.get("x");
  if (!x.ok()) return x.status();
  if (x->dim() == 2) x = x->view({x->size(0), 1, 1, x->size(1)});
  if (x->dim() != 4) {
    return invalid("tensor 'x' has shape ", x->sizes(), "; allowed: [B, channels, height, width], or [B, features]");
  }
  auto model =
      build(*probe, {.channels = x->size(1), .height = x->size(2), .width = x->size(3), .classes = probe->classes});
  if (!model.ok()) return model.status();
  norms::ParameterTable& table = (*model)->table();
  AUTONORM_RETURN_IF_ERROR(replace_parameters(input, table));
  AUTONORM_RETURN_IF_ERROR(run_steps(*probe, **model, *x, input, out));
  append_parameters(table, out);
  out.emplace_back("macs", at::full({}, (*model)->macs(), at::TensorOptions(at::kLong)));
  return {};
}

Result<std::string> model_names(const nlohmann::json& json) {
  const auto probe = parse(json);
  if (!probe.ok()) return probe.status();
  const nlohmann::json shape = ProbeSpec(json).object("input");
  const ProbeSpec spec(shape);
  AUTONORM_RETURN_IF_ERROR(spec.check_keys({"channels", "height", "width", "classes"}));
  const auto channels = spec.integer("channels", 1, 1), height = spec.integer("height", 28, 1);
  const auto width = spec.integer("width", 28, 1), classes = spec.integer("classes", probe->classes, 1);
  for (const Status& status : {channels.status(), height.status(), width.status(), classes.status()}) {
    if (!status.ok()) return status.with_context("input");
  }
  auto model = build(*probe, {.channels = *channels, .height = *height, .width = *width, .classes = *classes});
  if (!model.ok()) return model.status();
  return list_names((*model)->table());
}

}  // namespace autonorm::train
