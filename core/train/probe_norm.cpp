#include <cmath>

#include "core/config/catalogue.h"
#include "core/config/diagnostics.h"
#include "core/config/norm_misfits.h"
#include "core/config/trial_reader.h"
#include "core/config/value.h"
#include "core/norms/capability.h"
#include "core/norms/norm.h"
#include "core/train/probe_ops.h"

namespace autonorm::train {
namespace {

constexpr const char* kSite = "norm";  // names the noise stream of a probed gate

struct NormProbe {
  config::NormConfig config;
  int64_t channels = 0, steps = 1, steps_per_epoch = 0;
  bool channels_last = false;  // of a four-dimensional x
  uint64_t seed = 0;
  bool training = true;
  at::ScalarType dtype = at::kFloat;
};

Status check_fits(const config::NormConfig& norm, const config::SiteShape& shape) {
  const auto misfits = config::norm_misfits(norm, shape, "norm");
  return misfits.empty() ? Status{} : invalid(misfits.front().text);
}

// What x [B, N, C], [B, C] or [B, C, H, W] is for a norm. Tokens lie on a square, one more may be a cls token before
// them.
config::SiteShape shape_of(const at::Tensor& x, bool channels_last) {
  const bool image = x.dim() == 4;
  const int64_t row_axis = channels_last ? 1 : 2;
  config::SiteShape shape{
      .channels = {image && !channels_last ? x.size(1) : x.size(-1)}, .tokens = {}, .grid = {}, .no_grid = ""};
  shape.tokens = image ? x.size(row_axis) * x.size(row_axis + 1) : x.dim() == 2 ? 1 : x.size(1);
  if (image) {
    shape.grid = config::SiteShape::Grid{.rows = x.size(row_axis), .columns = x.size(row_axis + 1)};
    return shape;
  }
  const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(*shape.tokens)) + 0.5);
  for (const int64_t length : {side, side - 1}) {
    if (length * length == *shape.tokens || length * length + 1 == *shape.tokens) {
      shape.grid = config::SiteShape::Grid{.rows = length, .columns = length};
      return shape;
    }
  }
  shape.no_grid =
      cat(*shape.tokens, " tokens are none; allowed: n x n tokens, or one more for a cls token before them");
  return shape;
}

Result<NormProbe> parse_norm_probe(const nlohmann::json& json) {
  const ProbeSpec spec(json);
  AUTONORM_RETURN_IF_ERROR(spec.check_keys({"op", "config", "mode", "dtype", "steps", "steps_per_epoch", "seed"}));
  nlohmann::json norm = spec.object("config");
  const auto channels = ProbeSpec(norm).integer("channels", 0, 1);
  if (!channels.ok()) return channels.status().with_context("config");
  if (*channels == 0) return invalid("config.channels is missing; give the number of channels of x");
  norm.erase("channels");
  const nlohmann::json layout = norm.value("channels_last", nlohmann::json(false));
  if (!layout.is_boolean()) return invalid("config.channels_last must be true or false");
  norm.erase("channels_last");
  config::Diagnostics diagnostics;
  const config::NormConfig config = config::read_trial(config::from_json({{"norm", norm}}), diagnostics).norm;
  if (!diagnostics.ok()) return invalid(diagnostics.error_text());
  const auto steps = spec.integer("steps", 1, 1), steps_per_epoch = spec.integer("steps_per_epoch", 0, 0);
  const auto seed = spec.integer("seed", 0, 0);
  const auto mode = spec.word("mode", {"train", "eval"});
  const auto dtype = probe_dtype(spec);
  for (const Status& status :
       {steps.status(), steps_per_epoch.status(), seed.status(), mode.status(), dtype.status()}) {
    if (!status.ok()) return status;
  }
  AUTONORM_RETURN_IF_ERROR(check_fits(config, {.channels = {*channels}, .tokens = {}, .grid = {}, .no_grid = ""}));
  return NormProbe{.config = config,
                   .channels = *channels,
                   .steps = *steps,
                   .steps_per_epoch = *steps_per_epoch,
                   .channels_last = layout.get<bool>(),
                   .seed = static_cast<uint64_t>(*seed),
                   .training = *mode == "train",
                   .dtype = *dtype};
}

Result<at::Tensor> mask_of(const NormProbe& probe, ProbeInput& input) {
  const at::Tensor mask = input.find("mask");
  if (mask.defined() && mask.scalar_type() != at::kBool) {
    return invalid("tensor 'mask' is ", c10::toString(mask.scalar_type()),
                   "; allowed: bool, true where a token is valid");
  }
  if (!mask.defined() || norms::takes_mask(probe.config)) return mask;
  return invalid("tensor 'mask': norm '", config::name(probe.config.kind),
                 "' mixes all tokens of a sample and takes no mask");
}

// [B, C, H, W] or, channels last, [B, H, W, C] → [B, H·W, C]; [B, C] → [B, 1, C]; a three-dimensional x stays.
at::Tensor to_tokens(const at::Tensor& x, bool channels_last) {
  if (x.dim() == 2) return x.unsqueeze(1);
  if (x.dim() == 3) return x;
  return channels_last ? x.flatten(1, 2) : x.flatten(2).transpose(1, 2);
}
at::Tensor from_tokens(const at::Tensor& y, const at::Tensor& like, bool channels_last) {
  if (like.dim() == 3) return y;
  return like.dim() == 4 && !channels_last ? y.transpose(1, 2).reshape(like.sizes()) : y.reshape(like.sizes());
}

Result<at::Tensor> activation(const NormProbe& probe, ProbeInput& input, const char* name, int64_t step) {
  auto tensor = input.get_for_step(name, step);
  if (!tensor.ok()) return tensor;
  const int64_t dims = tensor->dim();
  if (dims < 2 || dims > 4 || tensor->size(dims == 4 && !probe.channels_last ? 1 : -1) != probe.channels) {
    const std::string image =
        probe.channels_last ? cat("[B, H, W, ", probe.channels, "]") : cat("[B, ", probe.channels, ", H, W]");
    return invalid("tensor '", name, "' has shape ", tensor->sizes(), "; allowed: [B, N, ", probe.channels, "], [B, ",
                   probe.channels, "] or ", image);
  }
  return tensor->to(probe.dtype);
}

void append_gradients(norms::ParameterTable& table, int64_t step, checkpoint::NamedTensors& out) {
  for (norms::Parameter& parameter : table.parameters()) {
    if (parameter.value.grad().defined())
      out.emplace_back(cat("grad.", parameter.name, '.', step), parameter.value.grad());
    parameter.value.mutable_grad().reset();
  }
}

Status run_step(const NormProbe& probe, int64_t step, norms::Norm& norm, ProbeInput& input,
                norms::ParameterTable& table, const at::Tensor& mask, checkpoint::NamedTensors& out) {
  const auto given = activation(probe, input, "x", step);
  if (!given.ok()) return given.status();
  AUTONORM_RETURN_IF_ERROR(
      check_fits(probe.config, shape_of(*given, probe.channels_last)).with_context(cat("x of step ", step)));
  const auto dy = activation(probe, input, "dy", step);
  if (!dy.ok()) return dy.status();
  if (dy->sizes() != given->sizes()) return invalid("tensor 'dy' has shape ", dy->sizes(), ", x has ", given->sizes());
  const at::Tensor x = given->detach().clone().requires_grad_(true);
  const norms::StepContext context{.training = probe.training,
                                   .step = step,
                                   .total_steps = probe.steps,
                                   .epoch = probe.steps_per_epoch == 0 ? 0 : step / probe.steps_per_epoch,
                                   .seed = probe.seed,
                                   .mask = mask.defined() ? &mask : nullptr};
  const at::Tensor tokens = to_tokens(x, probe.channels_last);  // [B, N, C]
  if (mask.defined() && mask.sizes() != tokens.sizes().slice(0, 2)) {
    return invalid("tensor 'mask' has shape ", mask.sizes(), "; allowed: ", tokens.sizes().slice(0, 2),
                   ", samples and tokens of x");
  }
  const at::Tensor y = from_tokens(norm.forward(tokens, context), *given, probe.channels_last);
  y.backward(*dy);
  if (probe.training) {
    for (norms::Stateful* stateful : table.stateful()) stateful->gradients_ready(context);
  }
  out.emplace_back(cat("y.", step), y.detach());
  out.emplace_back(cat("dx.", step), x.grad());
  append_gradients(table, step, out);
  for (const norms::Buffer& buffer : table.buffers()) {
    out.emplace_back(cat("state.", buffer.name, '.', step), buffer.value.clone());
  }
  return {};
}

}  // namespace

Status probe_norm(const nlohmann::json& spec, ProbeInput& input, checkpoint::NamedTensors& out) {
  const auto probe = parse_norm_probe(spec);
  if (!probe.ok()) return probe.status();
  norms::ParameterTable table(probe->seed, parameter_dtype(probe->dtype));
  const auto norm = norms::make_norm(probe->config, probe->channels, kSite, table);
  const auto mask = mask_of(*probe, input);
  if (!mask.ok()) return mask.status();
  AUTONORM_RETURN_IF_ERROR(replace_parameters(input, table));
  for (int64_t step = 0; step < probe->steps; ++step) {
    AUTONORM_RETURN_IF_ERROR(run_step(*probe, step, *norm, input, table, *mask, out));
  }
  append_parameters(table, out);
  return {};
}

Result<std::string> norm_names(const nlohmann::json& spec) {
  const auto probe = parse_norm_probe(spec);
  if (!probe.ok()) return probe.status();
  norms::ParameterTable table(probe->seed, parameter_dtype(probe->dtype));
  norms::make_norm(probe->config, probe->channels, kSite, table);
  return list_names(table);
}

}  // namespace autonorm::train
