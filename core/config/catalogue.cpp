#include "core/config/catalogue.h"

#include <array>

#include "core/base/text.h"

namespace autonorm::config {
namespace {

constexpr auto kNorms = std::to_array<Kind>({
    {"layer", 2, "LayerNorm: mean and biased variance over the channels of a token"},
    {"rms", 2, "RMSNorm: root mean square over the channels of a token, no mean, no bias"},
    {"scale", 1, "alpha * x per channel, alpha of shape [1, C]: what the AutoNorm code calls DyT"},
    {"dyt", 2, "Dynamic Tanh: gamma * tanh(alpha * x) + beta (arXiv 2503.10622)"},
    {"derf", 2, "Derf: gamma * f(alpha * x + s) + beta, f = erf or another squashing function (arXiv 2512.10938)"},
    {"isru", 1, "DyISRU: gamma * sqrt(C) * x / sqrt(beta + x^2), beta learned (arXiv 2503.21708)"},
    {"group", 1, "GroupNorm: statistics of a sample over all its tokens and a group of channels"},
    {"instance", 1, "InstanceNorm: statistics of a sample and channel over its tokens"},
    {"scale_norm", 1, "ScaleNorm: g * x / |x|, |x| over the channels of a token"},
    {"learnable_scaler", 1, "a * x + b per channel, a drawn from N(0, 1): no statistics"},
    {"bhyt", 1, "BHyT (star form): gamma * tanh(lambda * x / (kappa * rms(x))) (arXiv 2601.09719)"},
    {"adyt", 2, "ADyT: Dynamic Tanh whose alpha grows as this layer's gradients shrink"},
    {"batch", 1, "BatchNorm over all tokens of a batch, running statistics at evaluation"},
    {"minmax", 1, "(x - min) / (max - min) over the channels, the tokens or the batch"},
    {"zscore", 1, "(x - mean) / unbiased deviation over the channels, the tokens or the batch"},
    {"feature_mix", 1, "sigmoid(w) * zscore + (1 - sigmoid(w)) * minmax, w learned"},
    {"unified", 2, "Unified Normalization: geometric mean of a window of batch mean squares (arXiv 2208.01313)"},
    {"power_norm", 1, "PowerNorm: running mean square of the batch, after a scaling by groups of channels"},
    {"prepbn", 2, "PRepBN: from LayerNorm to a re-parameterised BatchNorm during training (SLAB)"},
    {"switchable", 1, "Switchable Norm: learned static mix of instance, layer and batch statistics"},
    {"dtn", 1, "Dynamic Token Normalization: statistics of a token mixed with those around it, by head"},
    {"selector", 2, "NormSelector: a gate blends branches, per sample, token or channel"},
    {"none", 1, "the identity"},
});
constexpr auto kModels = std::to_array<Kind>({
    {"vit", 1, "vision transformer; sites pre_attn, pre_ffn, final, on request embed, post_attn, post_ffn, qk, head"},
    {"mlp", 1, "flat image, hidden layers with a norm at site hidden, linear head"},
    {"autonorm", 1, "the AutoNorm transformer as published: no attention; sites embed (the selector's), post_ffn"},
    {"autonorm_v0", 1, "its first version: attention over one token; sites embed, post_attn"},
    {"autonorm_corrected", 1, "pre-norm attention and MLP blocks; sites embed, pre_attn, pre_ffn, final"},
    {"mae", 1, "masked autoencoder; sites pre_attn, pre_ffn, final of the encoder, and decoder"},
    {"t2t_vit", 1, "T2T-ViT; sites pre_attn, pre_ffn, final, and token between the splits"},
    {"ft_transformer", 1, "FT-Transformer: one token per value of a table; sites as vit, by prenorm"},
    {"resnet", 1, "residual network of 6n + 2 layers for small images; sites stem, block, of [B, C, H, W]"},
});
constexpr auto kGates = std::to_array<Kind>({
    {"softmax", 1, "learned weights from the token mean"},
    {"gumbel", 1, "learned, sampled by Gumbel-softmax with temperature tau"},
    {"random", 1, "uniformly random weight per sample, nothing learned"},
    {"fixed", 1, "the constants in `weights`"},
    {"sigmoid", 1, "two branches: sigmoid(w . h + b) is the second one's weight, h the mean token or cls"},
    {"static", 1, "learned weights without an input, equal at the start"},
});
constexpr auto kOptimizers = std::to_array<Kind>({
    {"adamw", 1, "AdamW; no weight decay on parameters with one dimension"},
    {"adam", 1, "Adam with weight decay in the gradient (L2)"},
    {"sgd", 1, "gradient descent with momentum, weight decay in the gradient (L2)"},
    {"lamb", 1,
     "LAMB: AdamW's step, scaled to the length of each decayed matrix; usual are train.clip = 1, train.adam_eps = "
     "1e-6"},
    {"lars", 1,
     "LARS: momentum; gradient and weight decay of each decayed parameter scaled to its length times train.trust"},
});
constexpr auto kSchedules = std::to_array<Kind>({
    {"cosine", 1, "linear warm-up, then half a cosine down to 0"},
    {"constant", 1, "linear warm-up, then constant"},
    {"cosine_epochs", 1, "linear warm-up, then half a cosine down to 0 in steps of an epoch"},
    {"learnable_scaler", 1, "as cosine_epochs, 0.8 of it in the first half, then straight to all of it at 66 %"},
});
constexpr auto kLosses = std::to_array<Kind>({
    {"cross_entropy", 1, "mean over the global batch, with label smoothing"},
    {"distill", 1, "adds alpha * T^2 * KL(student, teacher), or the cross entropy against the teacher's first choice"},
    {"reconstruction", 1, "mean square error of hidden patches; what family mae trains"},
    {"squared_error", 1, "of a real target; what data.task = regression trains"},
});
constexpr auto kDevices = std::to_array<Kind>({
    {"auto", 1, "whatever the worker has"},
    {"cpu", 1, "CPU slots only"},
    {"cuda", 1, "GPUs only"},
});
constexpr Kind kLoop{"loop", 2, "batch order, initial values, order of sums, matrix products"};

constexpr std::string_view kCorrupted = "share of correct answers on test images corrupted so, mean over severities";
constexpr auto kMetrics = std::to_array<Metric>({
    {"test/accuracy", true,
     "share of correct answers on the held-out test set, once at the end; mae: of hidden values within 0.1"},
    {"test/loss", false, "cross entropy (mae, regression: mean square error) on the test set, once at the end"},
    {"test/rmse", false, "regression: root of the mean square error on the test set, in the target's unit"},
    {"test/corrupted_accuracy", true, "mean of the corrupted/ metrics of data.corruptions"},
    {"test/corruption_drop", false, "test/accuracy - test/corrupted_accuracy"},
    {"corrupted/gaussian_noise", true, kCorrupted},
    {"corrupted/shot_noise", true, kCorrupted},
    {"corrupted/impulse_noise", true, kCorrupted},
    {"corrupted/speckle_noise", true, kCorrupted},
    {"corrupted/gaussian_blur", true, kCorrupted},
    {"corrupted/contrast", true, kCorrupted},
    {"corrupted/brightness", true, kCorrupted},
    {"corrupted/pixelate", true, kCorrupted},
    {"corrupted/rotate", true, kCorrupted},
    {"corrupted/translate", true, kCorrupted},
    {"corrupted/shear", true, kCorrupted},
    {"val/accuracy", true, "share of correct answers on the validation split"},
    {"val/loss", false, "cross entropy on the validation split"},
    {"val/rmse", false, "regression: root of the mean square error on the validation split, in the target's unit"},
    {"train/loss", false, "training loss, mean since the last point"},
    {"train/seconds", false, "time in the training loop, without setting up and without evaluation on the test set"},
    {"train/samples_per_s", true, "training samples per second, all ranks together"},
    {"train/step_ms", false, "median time of an optimizer step in milliseconds"},
    {"model/parameters", false, "number of parameters, frozen ones included"},
    {"model/latency_ms", false, "time of inference per image in ms: forward pass of 64 images, median of up to 100"},
    {"model/latency_1_ms", false, "time of inference of one image in ms, median of up to 100"},
    {"model/latency_1_p95_ms", false, "the same, 95th percentile"},
    {"model/macs", false, "multiply-accumulates of one image's forward pass"},
    {"memory/peak_mib", false, "largest memory of one rank in MiB"},
});

}  // namespace

std::span<const Kind> norms() { return kNorms; }
std::span<const Kind> models() { return kModels; }
std::span<const Kind> gates() { return kGates; }
std::span<const Kind> optimizers() { return kOptimizers; }
std::span<const Kind> schedules() { return kSchedules; }
std::span<const Kind> losses() { return kLosses; }
std::span<const Kind> devices() { return kDevices; }
const Kind& training_loop() { return kLoop; }
std::span<const Metric> metrics() { return kMetrics; }

const Metric* find_metric(std::string_view name) {
  for (const Metric& metric : kMetrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

const Sites& sites(ModelFamily family) {
  // In the order of ModelFamily.
  static const std::array<Sites, kModels.size()> kSites = {
      Sites{{"pre_attn", "pre_ffn", "final"}, {}, {"embed", "post_attn", "post_ffn", "qk", "head"}},
      Sites{{"hidden"}, {}, {}},
      Sites{{"embed"}, {"post_ffn"}, {}},
      Sites{{"embed"}, {"post_attn"}, {}},
      Sites{{"embed", "pre_attn", "pre_ffn", "final"}, {}, {"post_attn", "post_ffn", "qk"}},
      Sites{{"pre_attn", "pre_ffn", "final", "decoder"}, {}, {"embed", "post_attn", "post_ffn", "qk"}},
      Sites{{"pre_attn", "pre_ffn", "final"}, {"token"}, {"embed", "post_attn", "post_ffn", "qk"}},
      Sites{{"pre_attn", "pre_ffn", "post_attn", "post_ffn", "final"}, {}, {}},
      Sites{{"stem", "block"}, {}, {}},
  };
  return kSites.at(static_cast<size_t>(family));
}

std::vector<std::string> Sites::all() const {
  std::vector<std::string> names = standard;
  names.insert(names.end(), layered.begin(), layered.end());
  names.insert(names.end(), optional.begin(), optional.end());
  return names;
}

double default_eps(NormKind kind) {
  return kind == NormKind::kRms || kind == NormKind::kBhyt || kind == NormKind::kAdyt ? 1e-6 : 1e-5;
}

std::vector<NormConfig> default_branches() {
  NormConfig scale, layer;
  scale.kind = NormKind::kScale;
  layer.kind = NormKind::kLayer;
  return {scale, layer};
}

}  // namespace autonorm::config
