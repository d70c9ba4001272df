// The words of the catalogue's enumerations, in the order of their enumerators.
#include "core/base/status.h"
#include "core/config/catalogue.h"

namespace autonorm::config {
namespace {

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
struct Words<Corruption> {
  static constexpr auto kAll = std::to_array<std::string_view>(
      {"gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise", "gaussian_blur", "contrast", "brightness",
       "pixelate", "rotate", "translate", "shear"});
};
template <>
struct Words<CorruptionScale> {
  static constexpr auto kAll = std::to_array<std::string_view>({"cifar", "mnist"});
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
  static constexpr auto kAll = std::to_array<std::string_view>({"cls", "mean", "patches"});
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
  static constexpr auto kAll = std::to_array<std::string_view>({"synchronised", "per_rank", "rank_0"});
};
template <>
struct Words<SwitchForm> {
  static constexpr auto kAll = std::to_array<std::string_view>({"sample", "token"});
};
template <>
struct Words<PrepbnFirst> {
  static constexpr auto kAll = std::to_array<std::string_view>({"layer", "rms"});
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
  static constexpr auto kAll = std::to_array<std::string_view>({"none", "crop_flip", "pad_crop", "pad_crop_flip"});
};
template <>
struct Words<Policy> {
  static constexpr auto kAll = std::to_array<std::string_view>({"none", "rand_augment", "auto_augment"});
};
template <>
struct Words<Precision> {
  static constexpr auto kAll = std::to_array<std::string_view>({"fp32", "bf16"});
};
template <>
struct Words<OptimizerKind> {
  static constexpr auto kAll = std::to_array<std::string_view>({"adamw", "adam", "sgd", "lamb", "lars"});
};
template <>
struct Words<EmaStart> {
  static constexpr auto kAll = std::to_array<std::string_view>({"ramp", "at_once"});
};
template <>
struct Words<Schedule> {
  static constexpr auto kAll =
      std::to_array<std::string_view>({"cosine", "constant", "cosine_epochs", "learnable_scaler"});
};

template <class Enum>
std::string_view word_of(Enum value) {
  const auto index = static_cast<size_t>(value);
  AUTONORM_CHECK(index < Words<Enum>::kAll.size(), "enumerator without a word");
  return Words<Enum>::kAll[index];
}

}  // namespace

std::string_view name(DataSource source) { return word_of(source); }
std::string_view name(Task task) { return word_of(task); }
std::string_view name(Corruption corruption) { return word_of(corruption); }
std::string_view name(CorruptionScale scale) { return word_of(scale); }
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
std::string_view name(PrepbnFirst first) { return word_of(first); }
std::string_view name(Gate gate) { return word_of(gate); }
std::string_view name(GateEval eval) { return word_of(eval); }
std::string_view name(GateInput input) { return word_of(input); }
std::string_view name(Granularity granularity) { return word_of(granularity); }
std::string_view name(Anneal anneal) { return word_of(anneal); }
std::string_view name(Augment augment) { return word_of(augment); }
std::string_view name(Policy policy) { return word_of(policy); }
std::string_view name(Precision precision) { return word_of(precision); }
std::string_view name(OptimizerKind kind) { return word_of(kind); }
std::string_view name(EmaStart start) { return word_of(start); }
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
std::span<const std::string_view> words<Corruption>() {
  return Words<Corruption>::kAll;
}
template <>
std::span<const std::string_view> words<CorruptionScale>() {
  return Words<CorruptionScale>::kAll;
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
std::span<const std::string_view> words<PrepbnFirst>() {
  return Words<PrepbnFirst>::kAll;
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
std::span<const std::string_view> words<Policy>() {
  return Words<Policy>::kAll;
}
template <>
std::span<const std::string_view> words<Precision>() {
  return Words<Precision>::kAll;
}
template <>
std::span<const std::string_view> words<OptimizerKind>() {
  return Words<OptimizerKind>::kAll;
}
template <>
std::span<const std::string_view> words<EmaStart>() {
  return Words<EmaStart>::kAll;
}
template <>
std::span<const std::string_view> words<Schedule>() {
  return Words<Schedule>::kAll;
}

}  // namespace autonorm::config
