// What folding a model's norms into its Linear layers brings at inference, per norm, one thread.
//
// fold_bench [--tiny]: a 12-block ViT of 192 channels and 64 tokens with each norm, then the other families with a norm
// that loses its affine part (layer) and one that vanishes (batch); 32 images of 32 x 32 (ft_transformer: lines of 63
// values) per pass. --tiny: small models, to see that it works. Both models run in turns, so that a disturbance of the
// machine hits both; each number is the best of the passes.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/models/fold.h"
#include "core/norms/fold.h"
#include "core/norms/registry.h"
#include "core/train/fold_checkpoint.h"

namespace {

using namespace autonorm;

constexpr int64_t kPastWarmUps = 1'000'000;
constexpr double kFewPasses = 0.5;  // the momentum with which five passes give the statistics of the images

struct Scale {
  int64_t images = 32;
  int passes = 9;
};
// Images, or the values of a table.
models::InputShape input_of(config::ModelFamily family) {
  if (family == config::ModelFamily::kFtTransformer) return {.channels = 1, .height = 1, .width = 63, .classes = 10};
  return {.channels = 1, .height = 32, .width = 32, .classes = 10};
}

// The site whose norm says how much is left.
const char* telling_site(config::ModelFamily family) {
  if (family == config::ModelFamily::kMlp) return "hidden";
  if (family == config::ModelFamily::kFtTransformer) return "pre_ffn";
  return family == config::ModelFamily::kResnet ? "block" : "pre_attn";
}

int measure(const std::string& name, const config::ModelConfig& model_config, const config::NormConfig& norm,
            const Scale& scale) {
  config::TrialConfig config;
  config.model = model_config;
  config.norm = norm;
  const models::InputShape input = input_of(model_config.family);
  const auto model = models::make_model(config, input);
  if (!model.ok()) {
    std::fprintf(stderr, "fold_bench: %s: %s\n", name.c_str(), model.status().message().c_str());
    return 1;
  }
  {
    const at::NoGradGuard no_grad;  // away from weight 1 and bias 0, which fold into nothing, and from no statistics
    for (norms::Parameter& p : (*model)->table().parameters()) {
      // prepbn starts with η = 1, passes its input on, and the outputs of 12 untrained blocks reach 4e4.
      if (p.name.ends_with(".eta")) p.value.zero_();
      p.value.add_(at::randn(p.value.sizes()), 0.05);
    }
    const at::Tensor batch = at::randn({scale.images, input.channels, input.height, input.width});
    // Past all warm-ups: the statistics are those of the formula that is folded.
    for (norms::Buffer& buffer : (*model)->table().buffers()) {
      if (buffer.name.ends_with(".iters")) buffer.value.fill_(kPastWarmUps);
    }
    for (int64_t step = 0; step < 5; ++step) (*model)->forward(batch, {.step = kPastWarmUps + step});
  }
  const auto folded = models::fold(config, **model, input);
  if (!folded.ok()) {
    std::fprintf(stderr, "fold_bench: %s: %s\n", name.c_str(), folded.status().message().c_str());
    return 1;
  }
  const at::Tensor images = at::randn({scale.images, 1, input.height, input.width});
  const at::NoGradGuard no_grad;
  const norms::StepContext evaluation{.training = false};
  const double difference =
      ((*model)->forward(images, evaluation) - folded->model->forward(images, evaluation)).abs().max().item<double>();
  double before = 0, after = 0;
  for (int pass = 0; pass < scale.passes; ++pass) {
    before = std::max(before, train::inference_speed(**model, images, 1));
    after = std::max(after, train::inference_speed(*folded->model, images, 1));
  }
  const auto left = folded->config.norm_at(telling_site(model_config.family)).kind;
  std::printf("%-18s %-18s %-8s %9.1f %9.1f   x %.3f   %8.1e\n", config::name(model_config.family).data(), name.c_str(),
              left == config::NormKind::kNone ? "all" : "affine", before, after, after / before, difference);
  std::fflush(stdout);
  return difference <= 1e-4 ? 0 : 1;
}

config::ModelConfig vit_model(bool tiny) {
  if (tiny) return {.patch = 8, .dim = 16, .depth = 1, .heads = 2};
  return {.patch = 4, .dim = 192, .depth = 12, .heads = 3, .mlp_ratio = 4.0};
}

// As wide and deep as the ViT, or as the family is by default.
config::ModelConfig family_model(config::ModelFamily family, bool tiny) {
  config::ModelConfig model = config::default_model(family);
  const config::ModelConfig vit = vit_model(tiny);
  model.patch = vit.patch;
  model.dim = vit.dim;
  model.heads = vit.heads;
  model.decoder_dim = tiny ? 16 : 128;
  model.decoder_heads = 4;
  model.decoder_depth = tiny ? 1 : 8;
  if (family != config::ModelFamily::kResnet)
    model.depth = tiny ? 1 : family == config::ModelFamily::kFtTransformer ? 3 : 12;
  if (tiny && family == config::ModelFamily::kResnet) model.depth = 8;
  return model;
}

int measure_vit(bool tiny, const Scale& scale) {
  int failures = 0;
  for (const norms::RegistryRow& row : norms::registry()) {
    config::NormConfig norm = config::default_norm(row.kind);
    if (row.kind == config::NormKind::kPowerNorm) norm.scale_groups = 0;
    norm.momentum = kFewPasses;
    if (norms::folded_config(norm)) failures += measure(std::string(row.name), vit_model(tiny), norm, scale);
  }
  return failures;
}

int measure_families(bool tiny, const Scale& scale) {
  using config::ModelFamily;
  int failures = 0;
  for (const auto family : {ModelFamily::kMae, ModelFamily::kT2tVit, ModelFamily::kAutonormCorrected,
                            ModelFamily::kFtTransformer, ModelFamily::kMlp, ModelFamily::kResnet}) {
    const bool before_relu = family == ModelFamily::kMlp || family == ModelFamily::kResnet;
    for (const auto kind : {config::NormKind::kLayer, config::NormKind::kBatch}) {
      if (before_relu && kind == config::NormKind::kLayer) continue;  // it does not fold there
      config::NormConfig norm = config::default_norm(kind);
      norm.momentum = kFewPasses;
      failures += measure(std::string(config::name(kind)), family_model(family, tiny), norm, scale);
    }
  }
  return failures;
}

}  // namespace

int main(int argc, char** argv) {
  const bool tiny = argc == 2 && std::string_view(argv[1]) == "--tiny";
  if (argc != 1 && !tiny) {
    std::fprintf(stderr, "usage: fold_bench [--tiny]\n");
    return 2;
  }
  const Scale scale = tiny ? Scale{.images = 2, .passes = 2} : Scale{};
  at::set_num_threads(1);
  std::printf("%-18s %-18s %-8s %9s %9s   %7s   %8s\n", "family", "norm", "folds", "before", "after", "speed",
              "|doutput|");
  std::printf("images per second; before and after folding\n");
  return measure_vit(tiny, scale) + measure_families(tiny, scale) == 0 ? 0 : 1;
}
