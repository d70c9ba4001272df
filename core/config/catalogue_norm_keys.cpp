// The configuration keys of norms.
#include "core/config/key_rows.h"

namespace autonorm::config {
namespace {

using enum KeyType;
constexpr std::string_view kFeatures = "norm.kind = minmax, zscore, feature_mix";

std::vector<Key> shared_keys() {
  return {
      of("norm.kind = layer, group, instance, batch, unified, power_norm, prepbn, switchable, dtn",
         positive("norm.eps", "1e-05", 1, "added to the variance")),
      of("norm.kind = rms, bhyt", positive("norm.eps", "1e-06", 1, "added to the mean square")),
      of("norm.kind = scale_norm", positive("norm.eps", "1e-05", 1, "smallest length to divide by")),
      of("norm.kind = adyt", positive("norm.eps", "1e-06", 1, "added to the gradient norm")),
      of(kFeatures, positive("norm.eps", "1e-05", 1, "added to max - min and to the variance")),
      of("norm.kind = layer, rms, isru, group, instance, batch, minmax, zscore, feature_mix, dyt, derf, adyt, bhyt, "
         "scale_norm, switchable",
         plain(kFlag, "norm.affine", "true", "learn weight (and bias), or the gain; a folded norm has none")),
      of("norm.kind = batch, prepbn",
         real("norm.momentum", "0.1", 0, 1, "weight of the new value in the running statistics")),
      of("norm.axis = batch", real("norm.momentum", "0.1", 0, 1, "weight of the new value in the running statistics")),
      of("norm.kind = batch, prepbn, switchable, unified, power_norm",
         word("norm.statistics", "\"synchronised\"", words<Statistics>(),
              "over the samples of all ranks, or of each rank by itself, running values then averaged after each step "
              "or (rank_0) "
              "those of rank 0")),
      of("norm.axis = batch", word("norm.statistics", "\"synchronised\"", words<Statistics>(),
                                   "over the samples of all ranks, or of each rank by itself, running values then "
                                   "averaged after each step or (rank_0) "
                                   "those of rank 0")),
  };
}

std::vector<Key> pointwise_keys() {
  return {
      of("norm.kind = dyt, derf, adyt", real("norm.alpha0", "0.5", -100, 100, "initial alpha")),
      of("norm.kind = dyt", plain(kFlag, "norm.bias", "true", "learn a bias; language models leave it out")),
      of("norm.kind = derf", word("norm.function", "\"erf\"", words<Squash>(), "the squashing function")),
      of("norm.kind = derf", plain(kFlag, "norm.shift", "true", "learn a shift s before the function")),
      of("norm.kind = scale", plain(kFlag, "norm.scalar", "false",
                                    "one alpha for all channels, as language models have after the embedding")),
      of("norm.kind = scale",
         real("norm.scale0", "1", 0, 1e6, "initial alpha; 0 = the square root of the number of channels")),
      of("norm.kind = isru", real("norm.beta0", "0", 0, 1e9, "initial beta; 0 = the number of channels")),
      of("norm.kind = learnable_scaler",
         word("norm.init", "\"normal\"", words<ScalerInit>(), "initial a: N(0, 1) as published, or ones")),
      of("norm.kind = adyt", real("norm.lambda", "0.1", 0, 100, "weight of 1 / gradient norm")),
      of("norm.kind = bhyt", real("norm.lambda", "2", 0, 100, "initial lambda, the steepness")),
      of("norm.kind = bhyt", positive("norm.kappa", "10", 1e6, "divides the input's unit of length")),
      of("norm.kind = bhyt", plain(kFlag, "norm.learn_lambda", "true", "lambda learns, as in the published code")),
      of("norm.kind = adyt", real("norm.beta_g", "0.99", 0, 1, "decay of the averaged gradient norm")),
      of("norm.kind = adyt", real("norm.alpha_min", "0.1", 0, 100, "smallest alpha")),
      of("norm.kind = adyt", real("norm.alpha_max", "2", 0, 100, "largest alpha")),
  };
}

std::vector<Key> token_keys() {
  return {
      of("norm.kind = group", integer("norm.groups", "4", 1, 65536, "groups of channels; divides the channels")),
      of("norm.kind = instance", plain(kFlag, "norm.unbiased", "false", "variance over N - 1 tokens")),
      of("norm.kind = scale_norm", plain(kFlag, "norm.per_channel", "false", "one gain per channel instead of one")),
      of(kFeatures, word("norm.axis", "\"channel\"", words<FeatureAxis>(),
                         "statistics over the channels of a token, the tokens of a sample, or all tokens of a batch")),
      of(kFeatures, plain(kFlag, "norm.detach_stats", "false", "no gradient through the statistics")),
  };
}

std::vector<Key> stateful_keys() {
  return {
      of("norm.kind = unified", integer("norm.window", "4", 1, 4096, "micro-batches in the forward window")),
      of("norm.kind = unified", integer("norm.window_backward", "4", 1, 4096, "micro-batches in the backward window")),
      of("norm.kind = unified",
         integer("norm.warmup_iters", "4000", 0, 1e9, "micro-batches before the window is used")),
      of("norm.kind = power_norm",
         integer("norm.warmup_iters", "10000", 0, 1e9, "micro-batches before running values are used")),
      of("norm.kind = prepbn", integer("norm.warmup_iters", "0", 0, 1e9, "micro-batches of LayerNorm alone, first")),
      of("norm.kind = unified, switchable", real("norm.decay", "0.9", 0, 1,
                                                 "weight of the old value in the running statistics; switchable as "
                                                 "published: .9 by sample, .997 by token")),
      of("norm.kind = unified", plain(kFlag, "norm.filtration", "true", "leave outlying batches out of the window")),
      of("norm.kind = power_norm",
         integer("norm.scale_groups", "1", 0, 65536, "groups of channels scaled to unit mean square first; 0 = none")),
      of("norm.kind = power_norm", real("norm.alpha_forward", "0.9", 0, 1, "decay of the running mean square")),
      of("norm.kind = power_norm", real("norm.alpha_backward", "0.9", 0, 1, "decay of the running gradient")),
      of("norm.kind = prepbn",
         integer("norm.decay_iters", "300000", 1, 1e9, "micro-batches until LayerNorm has no share left")),
      of("norm.kind = prepbn", real("norm.lambda_start", "1", 0, 1, "LayerNorm's share at the start")),
      of("norm.kind = prepbn", word("norm.first", "\"layer\"", words<PrepbnFirst>(),
                                    "what it begins with: LayerNorm, or RMSNorm as in language models")),
      of("norm.kind = prepbn", real("norm.eta0", "1", -100, 100, "initial eta; 0 in language models")),
      of("norm.kind = prepbn",
         real("norm.batch_weight0", "1", -100, 100, "initial weight of its BatchNorm; 0 in language models")),
      of("norm.kind = prepbn",
         integer("norm.count_every", "1", 1, 65536, "micro-batches that make one count; 16 in language models")),
      of("norm.kind = switchable", word("norm.form", "\"sample\"", words<SwitchForm>(),
                                        "layer statistics of a sample, with instance ones, or of a token, without")),
      of("norm.kind = dtn", integer("norm.heads", "4", 1, 4096, "heads; divides the channels")),
      of("norm.kind = dtn", integer("norm.grid", "14", 1, 256, "side of the token map; larger ones are pooled to it")),
      of("norm.kind = dtn", plain(kFlag, "norm.only_var", "false", "mix the variance alone")),
  };
}

std::vector<Key> selector_keys() {
  constexpr std::string_view kSelector = "norm.kind = selector";
  constexpr std::string_view kGumbel = "norm.gate = gumbel";
  constexpr std::string_view kLearned = "norm.gate = softmax, sigmoid, gumbel, static";
  Key freeze = plain(kWordList, "norm.freeze", "[]", "branches whose parameters do not learn");
  freeze.words = words<NormKind>();
  return {
      of(kSelector, plain(kNormList, "norm.branches", "[\"scale\",\"layer\"]",
                          "what is blended, in the order of the gate's outputs")),
      of(kSelector, word("norm.gate", "\"softmax\"", words<Gate>(), "how the weights of the branches are made")),
      of(kSelector,
         word("norm.gate_eval", "\"as_trained\"", words<GateEval>(),
              "at evaluation: sample as in training, or use the expected gate (random: equal weights; gumbel: "
              "arg-max)")),
      of(kGumbel, positive("norm.tau", "1.0", 100, "temperature")),
      of(kGumbel, plain(kFlag, "norm.hard", "true", "straight-through: one branch forward, soft gradient")),
      of(kGumbel, word("norm.anneal", "\"none\"", words<Anneal>(), "how tau goes to tau_end over the training")),
      of("norm.anneal = linear, exponential", positive("norm.tau_end", "0.5", 100, "temperature of the last step")),
      of("norm.gate = softmax, sigmoid, gumbel", word("norm.gate_input", "\"mean\"", words<GateInput>(),
                                                      "what the gate sees of a sample: the mean token or cls")),
      of("norm.gate = softmax, sigmoid, gumbel, random, static",
         word("norm.granularity", "\"sample\"", words<Granularity>(),
              "what has weights of its own; layer: all samples share them, as they do with a static gate")),
      of(kLearned, real("norm.entropy_weight", "0", -100, 100,
                        "weight in the loss of the gate's entropy: above 0 it decides, below 0 it blends")),
      of(kLearned,
         integer("norm.freeze_epoch", "0", 0, 100000, "the gate does not learn from this epoch on; 0 = never")),
      of(kLearned, real("norm.freeze_entropy", "0", 0, 10,
                        "nor after a step in which its entropy was below this many nats; 0 = never")),
      of("norm.gate = fixed", number(kRealList, "norm.weights", "", 0, 1, "one weight per branch")),
      of(kSelector, integer("norm.gate_hidden", "0", 0, 65536, "hidden width of the gate; 0 = half of the channels")),
      of(kSelector, freeze),
  };
}

}  // namespace

std::vector<Key> norm_keys() {
  std::vector<Key> all{word("norm.kind", "\"layer\"", words<NormKind>(), "kind of normalizer")};
  for (const auto& group : {shared_keys(), pointwise_keys(), token_keys(), stateful_keys(), selector_keys()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace autonorm::config
