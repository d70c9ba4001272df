// What folding a ViT's norms into its Linear layers brings at inference, per norm, one thread.
//
// fold_bench [--tiny]: a 12-block ViT of 192 channels and 64 tokens, 32 images per pass; --tiny: a small one, to see
// that it works. Both models run in turns, so that a disturbance of the machine hits both; each number is the best of
// the passes.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "core/base/text.h"
#include "core/models/fold.h"
#include "core/norms/fold.h"
#include "core/norms/registry.h"
#include "core/train/fold_checkpoint.h"

namespace {

using namespace autonorm;

struct Scale {
  config::ModelConfig model;
  int64_t images = 32;
  int passes = 9;
};

int measure(const std::string& name, const config::NormConfig& norm, const Scale& scale) {
  config::TrialConfig config;
  config.model = scale.model;
  config.norm = norm;
  const models::InputShape input{.channels = 1, .height = 32, .width = 32, .classes = 10};
  const auto model = models::make_model(config, input);
  {
    const at::NoGradGuard no_grad;  // away from weight 1 and bias 0, which fold into nothing
    for (norms::Parameter& p : (*model)->table().parameters()) p.value.add_(at::randn(p.value.sizes()), 0.05);
  }
  const auto folded = models::fold(config, **model, input);
  if (!folded.ok()) {
    std::fprintf(stderr, "fold_bench: %s: %s\n", name.c_str(), folded.status().message().c_str());
    return 1;
  }
  const at::Tensor images = at::randn({scale.images, 1, 32, 32});
  const at::NoGradGuard no_grad;
  const norms::StepContext evaluation{.training = false};
  const double difference =
      ((*model)->forward(images, evaluation) - folded->model->forward(images, evaluation)).abs().max().item<double>();
  double before = 0, after = 0;
  for (int pass = 0; pass < scale.passes; ++pass) {
    before = std::max(before, train::inference_speed(**model, images, 1));
    after = std::max(after, train::inference_speed(*folded->model, images, 1));
  }
  std::printf("%-18s %-8s %9.1f %9.1f   x %.3f   %8.1e\n", name.c_str(),
              folded->config.norm_at("pre_attn").kind == config::NormKind::kNone ? "all" : "affine", before, after,
              after / before, difference);
  std::fflush(stdout);
  return difference <= 1e-4 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Scale scale{.model = {.patch = 4, .dim = 192, .depth = 12, .heads = 3, .mlp_ratio = 4.0}};
  if (argc == 2 && std::string_view(argv[1]) == "--tiny") {
    scale = {.model = {.patch = 8, .dim = 16, .depth = 1, .heads = 2}, .images = 2, .passes = 2};
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: fold_bench [--tiny]\n");
    return 2;
  }
  at::set_num_threads(1);
  std::printf("%-18s %-8s %9s %9s   %7s   %8s\n", "norm", "folds", "before", "after", "speed", "|dlogit|");
  std::printf("images per second; before and after folding\n");
  int failures = 0;
  for (const norms::RegistryRow& row : norms::registry()) {
    config::NormConfig norm = config::default_norm(row.kind);
    if (row.kind == config::NormKind::kPowerNorm) norm.scale_groups = 0;
    if (norms::folded_config(norm)) failures += measure(std::string(row.name), norm, scale);
  }
  return failures == 0 ? 0 : 1;
}
