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
  int64_t channels = 0, steps = 1;
  uint64_t seed = 0;
  bool training = true;
  at::ScalarType dtype = at::kFloat;
};

Status check_fits(const config::NormConfig& norm, const config::SiteShape& shape) {
  const auto misfits = config::norm_misfits(norm, shape, "norm");
  return misfits.empty() ? Status{} : invalid(misfits.front().text);
}

// What x [B, N, C] or [B, C, H, W] is for a norm. Tokens lie on a square, one more may be a cls token before them.
config::SiteShape shape_of(const at::Tensor& x) {
  const bool image = x.dim() == 4;
  config::SiteShape shape{.channels = {image ? x.size(1) : x.size(2)}, .tokens = {}, .grid = {}, .no_grid = ""};
  shape.tokens = image ? x.size(2) * x.size(3) : x.size(1);
  if (image) {
    shape.grid = config::SiteShape::Grid{.rows = x.size(2), .columns = x.size(3)};
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
  AUTONORM_RETURN_IF_ERROR(spec.check_keys({"op", "config", "mode", "dtype", "steps", "seed"}));
  nlohmann::json norm = spec.object("config");
  const auto channels = ProbeSpec(norm).integer("channels", 0, 1);
  if (!channels.ok()) return channels.status().with_context("config");
  if (*channels == 0) return invalid("config.channels is missing; give the number of channels of x");
  norm.erase("channels");
  config::Diagnostics diagnostics;
  const config::NormConfig config = config::read_trial(config::from_json({{"norm", norm}}), diagnostics).norm;
  if (!diagnostics.ok()) return invalid(diagnostics.error_text());
  const auto steps = spec.integer("steps", 1, 1);
  const auto seed = spec.integer("seed", 0, 0);
  const auto mode = spec.word("mode", {"train", "eval"});
  const auto dtype = probe_dtype(spec);
  for (const Status& status : {steps.status(), seed.status(), mode.status(), dtype.status()}) {
    if (!status.ok()) return status;
  }
  AUTONORM_RETURN_IF_ERROR(check_fits(config, {.channels = {*channels}, .tokens = {}, .grid = {}, .no_grid = ""}));
  return NormProbe{.config = config,
                   .channels = *channels,
                   .steps = *steps,
                   .seed = static_cast<uint64_t>(*seed),
                   .training = *mode == "train",
                   .dtype = *dtype};
}

Result<at::Tensor> mask_of(const NormProbe& probe, ProbeInput& input) {
  const at::Tensor mask = input.find("mask");
  if (!mask.defined() || norms::takes_mask(probe.config)) return mask;
  return invalid("tensor 'mask': norm '", config::name(probe.config.kind),
                 "' mixes all tokens of a sample and takes no mask");
}

// [B, C, H, W] → [B, H·W, C]; a three-dimensional x stays.
at::Tensor to_tokens(const at::Tensor& x) { return x.dim() == 4 ? x.flatten(2).transpose(1, 2) : x; }
at::Tensor from_tokens(const at::Tensor& y, const at::Tensor& like) {
  return like.dim() == 4 ? y.transpose(1, 2).reshape(like.sizes()) : y;
}

Result<at::Tensor> activation(const NormProbe& probe, ProbeInput& input, const char* name, int64_t step) {
  auto tensor = input.get_for_step(name, step);
  if (!tensor.ok()) return tensor;
  const int64_t dims = tensor->dim();
  if ((dims != 3 && dims != 4) || tensor->size(dims == 3 ? 2 : 1) != probe.channels) {
    return invalid("tensor '", name, "' has shape ", tensor->sizes(), "; allowed: [B, N, ", probe.channels, "] or [B, ",
                   probe.channels, ", H, W]");
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
  AUTONORM_RETURN_IF_ERROR(check_fits(probe.config, shape_of(*given)).with_context(cat("x of step ", step)));
  const auto dy = activation(probe, input, "dy", step);
  if (!dy.ok()) return dy.status();
  if (dy->sizes() != given->sizes()) return invalid("tensor 'dy' has shape ", dy->sizes(), ", x has ", given->sizes());
  const at::Tensor x = given->detach().clone().requires_grad_(true);
  const norms::StepContext context{.training = probe.training,
                                   .step = step,
                                   .total_steps = probe.steps,
                                   .seed = probe.seed,
                                   .mask = mask.defined() ? &mask : nullptr};
  const at::Tensor y = from_tokens(norm.forward(to_tokens(x), context), *given);
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
