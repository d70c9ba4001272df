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
    {"unified", 1, "Unified Normalization: geometric mean of a window of batch mean squares (arXiv 2208.01313)"},
    {"power_norm", 1, "PowerNorm: running mean square of the batch, after a scaling by groups of channels"},
    {"prepbn", 2, "PRepBN: from LayerNorm to a re-parameterised BatchNorm during training (SLAB)"},
    {"switchable", 1, "Switchable Norm: learned static mix of instance, layer and batch statistics"},
    {"dtn", 1, "Dynamic Token Normalization: statistics of a token mixed with those around it, by head"},
    {"selector", 2, "NormSelector: a gate blends branches, per sample, token or channel"},
    {"none", 1, "the identity"},
});
constexpr auto kModels = std::to_array<Kind>({
    {"vit", 1, "vision transformer; sites pre_attn, pre_ffn, final, on request embed, post_attn, post_ffn, qk"},
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
constexpr auto kOptimizers =
    std::to_array<Kind>({{"adamw", 1, "AdamW; no weight decay on parameters with one dimension"}});
constexpr auto kSchedules = std::to_array<Kind>({
    {"cosine", 1, "linear warm-up, then half a cosine down to 0"},
    {"constant", 1, "linear warm-up, then constant"},
    {"cosine_epochs", 1, "linear warm-up, then half a cosine down to 0 in steps of an epoch"},
});
constexpr auto kLosses = std::to_array<Kind>({
    {"cross_entropy", 1, "mean over the global batch, with label smoothing"},
    {"distill", 1, "adds alpha * T^2 * KL(student, teacher)"},
    {"reconstruction", 1, "mean square error of hidden patches; what family mae trains"},
    {"squared_error", 1, "of a real target; what data.task = regression trains"},
});
constexpr auto kDevices = std::to_array<Kind>({
    {"auto", 1, "whatever the worker has"},
    {"cpu", 1, "CPU slots only"},
    {"cuda", 1, "GPUs only"},
});
constexpr Kind kLoop{"loop", 2, "batch order, initial values, order of sums, matrix products"};

constexpr auto kMetrics = std::to_array<Metric>({
    {"test/accuracy", true,
     "share of correct answers on the held-out test set, once at the end; mae: of hidden values within 0.1"},
    {"test/loss", false, "cross entropy (mae, regression: mean square error) on the test set, once at the end"},
    {"test/rmse", false, "regression: root of the mean square error on the test set, in the target's unit"},
    {"val/accuracy", true, "share of correct answers on the validation split"},
    {"val/loss", false, "cross entropy on the validation split"},
    {"val/rmse", false, "regression: root of the mean square error on the validation split, in the target's unit"},
    {"train/loss", false, "training loss, mean since the last point"},
    {"train/samples_per_s", true, "training samples per second, all ranks together"},
    {"train/step_ms", false, "median time of an optimizer step in milliseconds"},
    {"model/parameters", false, "number of parameters, frozen ones included"},
    {"model/latency_ms", false, "time of inference per image in ms: forward pass of 64 images, median of up to 10"},
    {"model/macs", false, "multiply-accumulates of one image's forward pass"},
    {"memory/peak_mib", false, "largest memory of one rank in MiB"},
});

template <class Enum>
struct Words;
template <>
struct Words<DataSource> {
  static constexpr auto kAll = std::to_array<std::string_view>({"digits", "mnist", "fashion-mnist", "idx", "csv"});
};
template <>
struct Words<Task> {
  static constexpr auto kAll = std::to_array<std::string_view>({"classification", "regression"});
};
template <>
struct Words<ModelFamily> {
  static constexpr auto kAll = std::to_array<std::string_view>(
      {"vit", "mlp", "autonorm", "autonorm_v0", "autonorm_corrected", "mae", "t2t_vit", "ft_transformer", "resnet"});
};
template <>
struct Words<PixelRange> {
  static constexpr auto kAll = std::to_array<std::string_view>({"signed", "unit"});
};
template <>
struct Words<ModelInput> {
  static constexpr auto kAll = std::to_array<std::string_view>({"image", "table"});
};
template <>
struct Words<Positions> {
  static constexpr auto kAll = std::to_array<std::string_view>({"sincos", "learned"});
};
template <>
struct Words<WeightInit> {
  static constexpr auto kAll = std::to_array<std::string_view>({"xavier", "torch"});
};
template <>
struct Words<TokenLayer> {
  static constexpr auto kAll = std::to_array<std::string_view>({"performer", "transformer"});
};
template <>
struct Words<Pool> {
  static constexpr auto kAll = std::to_array<std::string_view>({"cls", "mean"});
};
template <>
struct Words<NormKind> {
  static constexpr auto kAll =
      std::to_array<std::string_view>({"layer",       "rms",      "scale",      "dyt",        "derf",
                                       "isru",        "group",    "instance",   "scale_norm", "learnable_scaler",
                                       "bhyt",        "adyt",     "batch",      "minmax",     "zscore",
                                       "feature_mix", "unified",  "power_norm", "prepbn",     "switchable",
                                       "dtn",         "selector", "none"});
};
template <>
struct Words<Squash> {
  static constexpr auto kAll = std::to_array<std::string_view>(
      {"erf", "tanh_1205", "tanh", "satursin", "arcsinhclip", "exproot", "logsign_clip", "arctan", "smoothsign", "isru",
       "linear_clip", "relsign", "expsign", "logquad_clip", "power23_clip", "saturlog", "cubsign"});
};
template <>
struct Words<ScalerInit> {
  static constexpr auto kAll = std::to_array<std::string_view>({"normal", "ones"});
};
template <>
struct Words<FeatureAxis> {
  static constexpr auto kAll = std::to_array<std::string_view>({"channel", "token", "batch"});
};
template <>
struct Words<Statistics> {
  static constexpr auto kAll = std::to_array<std::string_view>({"synchronised", "per_rank"});
};
template <>
struct Words<SwitchForm> {
  static constexpr auto kAll = std::to_array<std::string_view>({"sample", "token"});
};
template <>
struct Words<Gate> {
  static constexpr auto kAll =
      std::to_array<std::string_view>({"softmax", "gumbel", "random", "fixed", "sigmoid", "static"});
};
template <>
struct Words<GateEval> {
  static constexpr auto kAll = std::to_array<std::string_view>({"as_trained", "expected"});
};
template <>
struct Words<GateInput> {
  static constexpr auto kAll = std::to_array<std::string_view>({"mean", "cls"});
};
template <>
struct Words<Granularity> {
  static constexpr auto kAll = std::to_array<std::string_view>({"sample", "token", "channel", "layer"});
};
template <>
struct Words<Anneal> {
  static constexpr auto kAll = std::to_array<std::string_view>({"none", "linear", "exponential"});
};
template <>
struct Words<Augment> {
  static constexpr auto kAll = std::to_array<std::string_view>({"none", "crop_flip"});
};
template <>
struct Words<Precision> {
  static constexpr auto kAll = std::to_array<std::string_view>({"fp32", "bf16"});
};
template <>
struct Words<Schedule> {
  static constexpr auto kAll = std::to_array<std::string_view>({"cosine", "constant", "cosine_epochs"});
};

template <class Enum>
std::string_view word_of(Enum value) {
  const auto index = static_cast<size_t>(value);
  AUTONORM_CHECK(index < Words<Enum>::kAll.size(), "enumerator without a word");
  return Words<Enum>::kAll[index];
}

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
      Sites{{"pre_attn", "pre_ffn", "final"}, {}, {"embed", "post_attn", "post_ffn", "qk"}},
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

std::string_view name(DataSource source) { return word_of(source); }
std::string_view name(Task task) { return word_of(task); }
std::string_view name(ModelFamily family) { return word_of(family); }
std::string_view name(Pool pool) { return word_of(pool); }
std::string_view name(PixelRange value) { return word_of(value); }
std::string_view name(ModelInput value) { return word_of(value); }
std::string_view name(Positions value) { return word_of(value); }
std::string_view name(WeightInit value) { return word_of(value); }
std::string_view name(TokenLayer value) { return word_of(value); }
std::string_view name(NormKind kind) { return word_of(kind); }
std::string_view name(Squash function) { return word_of(function); }
std::string_view name(ScalerInit init) { return word_of(init); }
std::string_view name(FeatureAxis axis) { return word_of(axis); }
std::string_view name(Statistics statistics) { return word_of(statistics); }
std::string_view name(SwitchForm form) { return word_of(form); }
std::string_view name(Gate gate) { return word_of(gate); }
std::string_view name(GateEval eval) { return word_of(eval); }
std::string_view name(GateInput input) { return word_of(input); }
std::string_view name(Granularity granularity) { return word_of(granularity); }
std::string_view name(Anneal anneal) { return word_of(anneal); }
std::string_view name(Augment augment) { return word_of(augment); }
std::string_view name(Precision precision) { return word_of(precision); }
std::string_view name(Schedule schedule) { return word_of(schedule); }

template <>
std::span<const std::string_view> words<DataSource>() {
  return Words<DataSource>::kAll;
}
template <>
std::span<const std::string_view> words<Task>() {
  return Words<Task>::kAll;
}
template <>
std::span<const std::string_view> words<ModelFamily>() {
  return Words<ModelFamily>::kAll;
}
template <>
std::span<const std::string_view> words<Pool>() {
  return Words<Pool>::kAll;
}
template <>
std::span<const std::string_view> words<PixelRange>() {
  return Words<PixelRange>::kAll;
}
template <>
std::span<const std::string_view> words<ModelInput>() {
  return Words<ModelInput>::kAll;
}
template <>
std::span<const std::string_view> words<Positions>() {
  return Words<Positions>::kAll;
}
template <>
std::span<const std::string_view> words<WeightInit>() {
  return Words<WeightInit>::kAll;
}
template <>
std::span<const std::string_view> words<TokenLayer>() {
  return Words<TokenLayer>::kAll;
}
template <>
std::span<const std::string_view> words<NormKind>() {
  return Words<NormKind>::kAll;
}
template <>
std::span<const std::string_view> words<Squash>() {
  return Words<Squash>::kAll;
}
template <>
std::span<const std::string_view> words<ScalerInit>() {
  return Words<ScalerInit>::kAll;
}
template <>
std::span<const std::string_view> words<FeatureAxis>() {
  return Words<FeatureAxis>::kAll;
}
template <>
std::span<const std::string_view> words<Statistics>() {
  return Words<Statistics>::kAll;
}
template <>
std::span<const std::string_view> words<SwitchForm>() {
  return Words<SwitchForm>::kAll;
}
template <>
std::span<const std::string_view> words<Gate>() {
  return Words<Gate>::kAll;
}
template <>
std::span<const std::string_view> words<GateEval>() {
  return Words<GateEval>::kAll;
}
template <>
std::span<const std::string_view> words<GateInput>() {
  return Words<GateInput>::kAll;
}
template <>
std::span<const std::string_view> words<Granularity>() {
  return Words<Granularity>::kAll;
}
template <>
std::span<const std::string_view> words<Anneal>() {
  return Words<Anneal>::kAll;
}
template <>
std::span<const std::string_view> words<Augment>() {
  return Words<Augment>::kAll;
}
template <>
std::span<const std::string_view> words<Precision>() {
  return Words<Precision>::kAll;
}
template <>
std::span<const std::string_view> words<Schedule>() {
  return Words<Schedule>::kAll;
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
