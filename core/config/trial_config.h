// The frozen configuration of one trial: what a sweep expands to, what is hashed, sent to a trainer and stored with the
// result. Its JSON form has the catalogue's keys, all defaults filled in; `trial.json` by hand may leave defaults out.
//
//   { "seed": 0, "ranks": 1, "device": "auto",
//     "data":  { "name": "digits", ... },  "model": { "family": "vit", ... },
//     "norm":  { "kind": "layer", ... },   "norm_sites": { "embed": { "kind": "selector", ... } },
//     "train": { "epochs": 10, ..., "distill": { "from": "teacher", "temperature": 2, "alpha": 0.3 } },
//     "run":   { "priority": 0, "timeout_s": 0, ... },
//     "inputs": { "teacher": "<trial id>" } }
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/config/data_config.h"

namespace autonorm::config {

enum class ModelFamily {
  kVit,
  kMlp,
  kAutonorm,
  kAutonormV0,
  kAutonormCorrected,
  kMae,
  kT2tVit,
  kFtTransformer,
  kResnet
};
// kPatches: the mean of the patches beside a cls token, normalized after pooling (MAE's finetuning).
enum class Pool { kCls, kMean, kPatches };
enum class ModelInput { kImage, kTable };    // patches of an image, or all values as one token
enum class Positions { kSincos, kLearned };  // fixed 2-D sine-cosine, or learned from N(0, .02)
enum class WeightInit { kXavier, kTorch };   // the MAE repository's, or torch's defaults
enum class TokenLayer { kPerformer, kTransformer };
// Defaults are those of `vit`; default_model() gives those of each family.
struct ModelConfig {
  ModelFamily family = ModelFamily::kVit;
  // transformers
  int64_t patch = 2, dim = 64, depth = 2, heads = 4;
  double mlp_ratio = 2.0;
  Pool pool = Pool::kMean;  // vit
  bool qkv_bias = true;     // vit, t2t_vit
  double drop_path = 0;     // of the last block, linear over depth
  // mlp (flat image → Linear(hidden) → norm at site "hidden" → ReLU → … → Linear(classes))
  int64_t hidden = 128, layers = 1;
  // autonorm, autonorm_v0, autonorm_corrected
  ModelInput input = ModelInput::kImage;
  double dropout = 0.3, layer_scale = 1e-4;
  // mae
  int64_t decoder_dim = 512, decoder_depth = 8, decoder_heads = 16;
  double mask_ratio = 0.75;
  Positions positions = Positions::kSincos;
  WeightInit init = WeightInit::kXavier;
  bool cls = true, norm_pix = false;
  // t2t_vit
  int64_t token_dim = 64;
  TokenLayer token_layer = TokenLayer::kPerformer;
  bool token_bias = false;
  // ft_transformer
  bool prenorm = true;
  double attention_dropout = 0.2, ffn_dropout = 0.1, residual_dropout = 0;
  // resnet
  int64_t width = 16;
  bool conv_bias = false;
};

enum class NormKind {
  kLayer,
  kRms,
  kScale,
  kDyt,
  kDerf,
  kIsru,
  kGroup,
  kInstance,
  kScaleNorm,
  kLearnableScaler,
  kBhyt,
  kAdyt,
  kBatch,
  kMinmax,
  kZscore,
  kFeatureMix,
  kUnified,
  kPowerNorm,
  kPrepbn,
  kSwitchable,
  kDtn,
  kSelector,
  kNone
};
enum class Gate { kSoftmax, kGumbel, kRandom, kFixed, kSigmoid, kStatic };
enum class GateEval { kAsTrained, kExpected };  // kExpected: random → equal weights, gumbel → arg-max without noise
enum class GateInput { kMean, kCls };           // of the tokens of a sample
// What has weights of its own. kLayer: nothing, all samples share them.
enum class Granularity { kSample, kToken, kChannel, kLayer };
enum class Anneal { kNone, kLinear, kExponential };
// The squashing functions that derf can have in erf's place (normalization.md 4.6).
enum class Squash {
  kErf,
  kTanh1205,
  kTanh,
  kSatursin,
  kArcsinhclip,
  kExproot,
  kLogsignClip,
  kArctan,
  kSmoothsign,
  kIsru,
  kLinearClip,
  kRelsign,
  kExpsign,
  kLogquadClip,
  kPower23Clip,
  kSaturlog,
  kCubsign
};
enum class ScalerInit { kNormal, kOnes };
// What a feature normalization takes its statistics over: the channels of a token, the tokens of a sample, or all
// tokens of a batch.
enum class FeatureAxis { kChannel, kToken, kBatch };
// kPerRank, kRankZero: each rank normalizes by its own samples; after each step running values are averaged over ranks,
// or become those of rank 0.
enum class Statistics { kSynchronised, kPerRank, kRankZero };
// LN's statistics in switchable: of each token, without an IN (the 1-D form), or of each sample, from IN's (the 2-D
// form).
enum class SwitchForm { kSample, kToken };
enum class PrepbnFirst { kLayer, kRms };
// Defaults are those of `layer`; default_norm() gives those of each kind.
struct NormConfig {
  NormKind kind = NormKind::kLayer;
  double eps = 1e-5;
  bool affine = true;
  double alpha0 = 0.5;                                   // dyt, derf, adyt
  bool bias = true;                                      // dyt
  Squash function = Squash::kErf;                        // derf
  bool shift = true;                                     // derf
  bool scalar = false;                                   // scale: one alpha for all channels
  double scale0 = 1;                                     // scale: initial alpha; 0 = √channels
  double beta0 = 0;                                      // isru; 0 = channels
  int64_t groups = 4;                                    // group
  bool unbiased = false;                                 // instance
  bool per_channel = false;                              // scale_norm
  ScalerInit init = ScalerInit::kNormal;                 // learnable_scaler
  double lambda = 0.1;                                   // adyt; bhyt has 2
  double kappa = 10;                                     // bhyt
  bool learn_lambda = true;                              // bhyt
  double beta_g = 0.99, alpha_min = 0.1, alpha_max = 2;  // adyt
  FeatureAxis axis = FeatureAxis::kChannel;              // minmax, zscore, feature_mix
  bool detach_stats = false;                             // minmax, zscore, feature_mix
  double momentum = 0.1;                                 // batch and the features' batch axis: weight of the new value
  Statistics statistics = Statistics::kSynchronised;     // of all norms over the batch
  int64_t window = 4, window_backward = 4;               // unified
  int64_t warmup_iters = 4000;                           // unified; power_norm has 10000, prepbn 0
  double decay = 0.9;                                    // unified, switchable: weight of the old value
  bool filtration = true;                                // unified
  int64_t scale_groups = 1;                              // power_norm; 0 = no group scaling
  double alpha_forward = 0.9, alpha_backward = 0.9;      // power_norm
  int64_t decay_iters = 300000;                          // prepbn
  double lambda_start = 1;                               // prepbn
  PrepbnFirst first = PrepbnFirst::kLayer;               // prepbn: what it begins with
  double eta0 = 1, batch_weight0 = 1;                    // prepbn: initial eta, and weight of its BatchNorm
  int64_t count_every = 1;                               // prepbn: micro-batches for one count
  SwitchForm form = SwitchForm::kSample;                 // switchable
  int64_t heads = 4;                                     // dtn
  int64_t grid = 14;                                     // dtn: side of the token map that statistics are taken on
  bool only_var = false;                                 // dtn
  // selector
  std::vector<NormConfig> branches;  // in order of the gate's outputs; default scale, layer
  Gate gate = Gate::kSoftmax;
  GateEval gate_eval = GateEval::kAsTrained;
  GateInput gate_input = GateInput::kMean;         // softmax, sigmoid, gumbel
  Granularity granularity = Granularity::kSample;  // all but fixed
  double tau = 1.0;                                // gumbel
  Anneal anneal = Anneal::kNone;                   // gumbel
  double tau_end = 0.5;                            // gumbel, annealed
  bool hard = true;                                // gumbel: straight-through
  double entropy_weight = 0;                       // of the gate's entropy in the loss; gates that learn
  int64_t freeze_epoch = 0;                        // the gate stops learning there; 0 = never
  double freeze_entropy = 0;                       // or when its entropy falls below; 0 = never
  int64_t gate_hidden = 0;                         // 0 = dim / 2
  std::vector<double> weights;                     // fixed: one per branch
  std::vector<NormKind> freeze;                    // branches whose parameters do not learn
};

enum class Precision { kFp32, kBf16 };
enum class Augment { kNone, kCropFlip, kPadCrop, kPadCropFlip };
enum class Policy { kNone, kRandAugment, kAutoAugment };
enum class OptimizerKind { kAdamW, kAdam, kSgd, kLamb, kLars };
enum class EmaStart { kRamp, kAtOnce };
enum class Schedule { kCosine, kConstant, kCosineEpochs, kLearnableScaler };
struct DistillConfig {
  std::string from;  // name of the stage, key of `inputs`
  double temperature = 1.0;
  double alpha = 0.5;  // loss = (1-alpha)·CE + alpha·T²·KL(student ‖ teacher), batch mean
  bool hard = false;   // the teacher's term is the CE against its first choice instead (DeiT)
};
struct StartConfig {
  std::string from;            // name of the stage whose trained weights the trial starts from, key of `inputs`
  bool keep_counters = false;  // the norms' warm-ups go on from the stage's counts
  bool head_only = false;      // what came from the stage does not learn, but for the head
};
struct TrainConfig {
  int64_t epochs = 10, batch = 64;  // batch = global batch per optimizer step, over all ranks and micro-batches
  int64_t accumulate = 1;           // micro-batches per optimizer step
  OptimizerKind optimizer = OptimizerKind::kAdamW;
  double lr = 1e-3, min_lr = 0;  // peak, and end of a schedule that falls
  double layer_decay = 1;        // vit: factor on the rate of each layer further from the head
  double weight_decay = 0.05;
  double beta1 = 0.9, beta2 = 0.999, adam_eps = 1e-8;  // all but sgd
  double momentum = 0.9;                               // sgd, lars
  double trust = 0.001;                                // lars
  bool nesterov = false;                               // sgd
  double ema = 0;                                      // decay of the averaged weights; 0 = none
  EmaStart ema_start = EmaStart::kRamp;
  double warmup = 0.05;  // fraction of all steps, linear from 0
  Schedule schedule = Schedule::kCosine;
  int64_t horizon = 0;  // epochs after which a falling schedule ends; 0 = epochs
  double clip = 1.0;    // global L2 norm of the reduced gradient; 0 = off
  double label_smoothing = 0.0;
  Precision precision = Precision::kFp32;
  std::optional<DistillConfig> distill;
  std::optional<StartConfig> start;
  Augment augment = Augment::kNone;                 // of training images
  double crop_min = 0.2;                            // crop_flip: smallest share of the image's area
  Policy policy = Policy::kNone;                    // random operations on training images
  int64_t rand_layers = 2;                          // rand_augment, as the next three: operations drawn for an image
  double rand_magnitude = 9, rand_deviation = 0.5;  // their strength, of 10
  bool rand_increasing = true;                      // every operation gets stronger with the magnitude
  double erase = 0;                                 // share of images of which a piece becomes noise
  double mixup = 0, cutmix = 0;                     // alpha of Beta(alpha, alpha); 0 = off
  double mix_prob = 1,
         mix_switch = 0.5;     // share of micro-batches that are mixed; of these by cutmix, where both are on
  double feature_decay = 0;    // vit: weight of features beyond feature_limit in the loss; 0 = off
  double feature_limit = 200;  // vit
  double attention_peak = 0;   // vit: weight of flat attention in the loss, first 6 blocks; 0 = off
  bool shuffle = true;         // a new order each epoch; false: the order of the file
  int64_t patience = 0;        // validations without an improvement after which training ends; 0 = never
  bool decay_all = false;      // weight decay on parameters with one dimension, too
  int64_t eval_every = 1;      // epochs
  int64_t log_every = 10;      // steps (execution)
  int64_t checkpoint_every =
      0;  // steps, multiple of log_every; 0 = about every 10 s of training, at a multiple of log_every (execution)
};

// Whether images are mixed, and their labels.
constexpr bool mixes(const TrainConfig& train) { return train.mixup > 0 || train.cutmix > 0; }
// Whether images are moved by a few pixels, and if so, whether they are mirrored, too.
constexpr std::optional<bool> pads_and_crops(Augment augment) {
  if (augment == Augment::kPadCrop) return false;
  if (augment == Augment::kPadCropFlip) return true;
  return std::nullopt;
}
// Whether a ViT has a cls token.
constexpr bool has_cls(Pool pool) { return pool != Pool::kMean; }
// Whether a gate's weights follow from its input, and whether it has anything to learn.
constexpr bool reads_input(Gate gate) {
  return gate == Gate::kSoftmax || gate == Gate::kSigmoid || gate == Gate::kGumbel;
}
constexpr bool learns(Gate gate) { return reads_input(gate) || gate == Gate::kStatic; }

// A norm of this kind with every other key at its default.
NormConfig default_norm(NormKind kind);
ModelConfig default_model(ModelFamily family);  // likewise

struct RunConfig {  // execution only: never part of the identity
  int64_t priority = 0;
  int64_t timeout_s = 0;  // 0 = none
  int64_t stall_timeout_s = 600;
  int64_t max_attempts = 3;
};

struct TrialConfig {
  uint64_t seed = 0;
  int64_t ranks = 1;
  std::string device = "auto";  // "auto" | "cpu" | "cuda"
  DataConfig data;
  ModelConfig model;
  NormConfig norm;  // at the model's standard sites (vit: pre_attn, pre_ffn, final; mlp: hidden)
  std::map<std::string, NormConfig> norm_sites;  // site → norm, at any site of the family
  TrainConfig train;
  RunConfig run;
  std::map<std::string, TrialId> inputs;  // stage → trial that provides it

  // The norm at a site: the site's own, else `norm` at standard sites, LayerNorm at layered ones, else none.
  NormConfig norm_at(const std::string& site) const;
};

// Strict: unknown keys, wrong types and values out of range are errors that name the key path, what is allowed and the
// nearest valid name; all errors are reported, one per line.
Result<TrialConfig> parse_trial(const nlohmann::json& json);
// The stage that a trial waits for, as teacher or start; null when it waits for none.
const std::string* stage_of(const TrainConfig& config);
// All keys, defaults filled in. parse_trial(resolved(c)) == c.
nlohmann::json resolved(const TrialConfig& config);
// The identity: keys that differ from their defaults (sorted, compact), a numerics version per catalogue kind in use,
// the data fingerprint. Execution keys and labels are absent. Stable across releases (golden test).
std::string canonical(const TrialConfig& config);
TrialId trial_id(const TrialConfig& config);  // SHA-256 of canonical()
// As canonical() without the seed: one configuration of a report's cell.
Sha256 cell_id(const TrialConfig& config);

}  // namespace autonorm::config
