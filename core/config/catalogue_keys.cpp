// Every configuration key. A new key is one row here, one line in trial_fields.h and one member in trial_config.h.
#include <array>
#include <limits>

#include "core/base/text.h"
#include "core/config/catalogue.h"

namespace autonorm::config {
namespace {

using enum KeyType;
constexpr double kMaxSeed = 9223372036854775807.0;
constexpr auto kExec = Mark::kExecution;

constexpr auto kDataKinds = std::to_array<std::string_view>({"idx"});
constexpr auto kDataNames = std::to_array<std::string_view>({"digits", "mnist", "fashion-mnist"});
constexpr auto kDeviceWords = std::to_array<std::string_view>({"auto", "cpu", "cuda"});
constexpr auto kOptimizerWords = std::to_array<std::string_view>({"adamw"});

constexpr Key kTop[] = {
    {.path = "seed", .type = kInteger, .fallback = "0", .min = 0, .max = kMaxSeed,
     .help = "initial weights, batch order and all noise; a sweep states it in [sweep] seeds"},
    {.path = "ranks", .type = kInteger, .fallback = "1", .min = 1, .max = 1024, .help = "processes (GPUs) that train one trial together"},
    {.path = "device", .type = kWord, .fallback = "\"auto\"", .words = kDeviceWords, .help = "class of device a trial may run on"},
};
const Key kData[] = {
    {.path = "data.name", .type = kWord, .fallback = "\"digits\"", .words = kDataNames, .help = "a data set of the catalogue"},
    {.path = "data.kind", .type = kWord, .words = kDataKinds, .belongs_to = "instead of data.name", .help = "files of your own: four IDX files in `path`"},
    {.path = "data.path", .type = kText, .belongs_to = "data.kind = idx", .mark = kExec, .help = "folder with the four IDX files, below a data root or absolute"},
    {.path = "data.sha256", .type = kText, .fallback = "\"\"", .belongs_to = "data.kind = idx",
     .help = "of the four files' decompressed contents: zcat -f train-images* train-labels* t10k-images* t10k-labels* | sha256sum"},
    {.path = "data.val_fraction", .type = kReal, .fallback = "0.1", .min = 0, .max = 0.5, .help = "share of the training files kept for validation"},
    {.path = "data.train_limit", .type = kInteger, .fallback = "0", .min = 0, .max = 1e12, .help = "use only this many training samples; 0 = all"},
};
const Key kModel[] = {
    {.path = "model.family", .type = kWord, .fallback = "\"vit\"", .words = words<ModelFamily>(), .help = "kind of model"},
    {.path = "model.patch", .type = kInteger, .fallback = "2", .min = 1, .max = 256, .belongs_to = "model.family = vit", .help = "side of a patch in pixels; divides the image"},
    {.path = "model.dim", .type = kInteger, .fallback = "64", .min = 2, .max = 16384, .belongs_to = "model.family = vit", .help = "channels of a token"},
    {.path = "model.depth", .type = kInteger, .fallback = "2", .min = 1, .max = 256, .belongs_to = "model.family = vit", .help = "transformer blocks"},
    {.path = "model.heads", .type = kInteger, .fallback = "4", .min = 1, .max = 256, .belongs_to = "model.family = vit", .help = "attention heads; divides dim"},
    {.path = "model.mlp_ratio", .type = kReal, .fallback = "2.0", .min = 0, .max = 16, .above_min = true, .belongs_to = "model.family = vit", .help = "width of a block's MLP as a multiple of dim"},
    {.path = "model.pool", .type = kWord, .fallback = "\"mean\"", .words = words<Pool>(), .belongs_to = "model.family = vit", .help = "what the head reads"},
    {.path = "model.qkv_bias", .type = kFlag, .fallback = "true", .belongs_to = "model.family = vit", .help = "bias of the query, key and value projections"},
    {.path = "model.hidden", .type = kInteger, .fallback = "128", .min = 1, .max = 65536, .belongs_to = "model.family = mlp", .help = "width of a hidden layer"},
    {.path = "model.layers", .type = kInteger, .fallback = "1", .min = 1, .max = 64, .belongs_to = "model.family = mlp", .help = "hidden layers"},
};
const Key kNorm[] = {
    {.path = "norm.kind", .type = kWord, .fallback = "\"layer\"", .words = words<NormKind>(), .help = "kind of normalizer"},
    {.path = "norm.eps", .type = kReal, .fallback = "1e-05", .min = 0, .max = 1, .above_min = true, .belongs_to = "norm.kind = layer", .help = "added to the variance"},
    {.path = "norm.eps", .type = kReal, .fallback = "1e-06", .min = 0, .max = 1, .above_min = true, .belongs_to = "norm.kind = rms", .help = "added to the mean square"},
    {.path = "norm.affine", .type = kFlag, .fallback = "true", .belongs_to = "norm.kind = layer, rms", .help = "learn weight (and bias)"},
    {.path = "norm.alpha0", .type = kReal, .fallback = "0.5", .min = -100, .max = 100, .belongs_to = "norm.kind = dyt", .help = "initial alpha"},
    {.path = "norm.branches", .type = kNormList, .fallback = "[\"scale\",\"layer\"]", .belongs_to = "norm.kind = selector", .help = "what is blended, in the order of the gate's outputs"},
    {.path = "norm.gate", .type = kWord, .fallback = "\"softmax\"", .words = words<Gate>(), .belongs_to = "norm.kind = selector", .help = "how the weights of the branches are made"},
    {.path = "norm.gate_eval", .type = kWord, .fallback = "\"as_trained\"", .words = words<GateEval>(), .belongs_to = "norm.kind = selector",
     .help = "at evaluation: sample as in training, or use the expected gate (random: equal weights; gumbel: arg-max)"},
    {.path = "norm.tau", .type = kReal, .fallback = "1.0", .min = 0, .max = 100, .above_min = true, .belongs_to = "norm.gate = gumbel", .help = "temperature"},
    {.path = "norm.hard", .type = kFlag, .fallback = "true", .belongs_to = "norm.gate = gumbel", .help = "straight-through: one branch forward, soft gradient"},
    {.path = "norm.weights", .type = kRealList, .min = 0, .max = 1, .belongs_to = "norm.gate = fixed", .help = "one weight per branch"},
    {.path = "norm.gate_hidden", .type = kInteger, .fallback = "0", .min = 0, .max = 65536, .belongs_to = "norm.kind = selector", .help = "hidden width of the gate; 0 = half of the channels"},
    {.path = "norm.freeze", .type = kWordList, .fallback = "[]", .words = words<NormKind>(), .belongs_to = "norm.kind = selector", .help = "branches whose parameters do not learn"},
};
const Key kTrain[] = {
    {.path = "train.epochs", .type = kInteger, .fallback = "10", .min = 1, .max = 100000, .help = "passes over the training split"},
    {.path = "train.batch", .type = kInteger, .fallback = "64", .min = 1, .max = 1048576, .help = "samples per optimizer step, over all ranks and micro-batches"},
    {.path = "train.accumulate", .type = kInteger, .fallback = "1", .min = 1, .max = 65536, .help = "micro-batches per optimizer step"},
    {.path = "train.optimizer", .type = kWord, .fallback = "\"adamw\"", .words = kOptimizerWords, .help = "kind of optimizer"},
    {.path = "train.lr", .type = kReal, .fallback = "0.001", .min = 0, .max = 100, .help = "peak learning rate"},
    {.path = "train.weight_decay", .type = kReal, .fallback = "0.05", .min = 0, .max = 10, .help = "decoupled; not on parameters with one dimension"},
    {.path = "train.beta1", .type = kReal, .fallback = "0.9", .min = 0, .max = 0.9999999, .help = "decay of the gradient's mean"},
    {.path = "train.beta2", .type = kReal, .fallback = "0.999", .min = 0, .max = 0.9999999, .help = "decay of the squared gradient's mean"},
    {.path = "train.adam_eps", .type = kReal, .fallback = "1e-08", .min = 0, .max = 1, .above_min = true, .help = "added to the root of the second moment"},
    {.path = "train.warmup", .type = kReal, .fallback = "0.05", .min = 0, .max = 1, .help = "share of all steps with a linear rise from 0"},
    {.path = "train.schedule", .type = kWord, .fallback = "\"cosine\"", .words = words<Schedule>(), .help = "learning rate after the warm-up"},
    {.path = "train.clip", .type = kReal, .fallback = "1.0", .min = 0, .max = 1e6, .help = "largest L2 norm of the whole gradient; 0 = off"},
    {.path = "train.label_smoothing", .type = kReal, .fallback = "0.0", .min = 0, .max = 0.9999999, .help = "share of the target spread over all classes"},
    {.path = "train.precision", .type = kWord, .fallback = "\"fp32\"", .words = words<Precision>(), .help = "bf16 = autocast on GPUs"},
    {.path = "train.eval_every", .type = kInteger, .fallback = "1", .min = 1, .max = 100000, .help = "epochs between validations"},
    {.path = "train.log_every", .type = kInteger, .fallback = "10", .min = 1, .max = 1e9, .mark = kExec, .help = "steps between metric points"},
    {.path = "train.checkpoint_every", .type = kInteger, .fallback = "0", .min = 0, .max = 1e9, .mark = kExec, .help = "steps between checkpoints, a multiple of log_every; 0 = about every 10 s"},
    {.path = "train.distill.from", .type = kText, .belongs_to = "train.distill", .help = "the stage that teaches"},
    {.path = "train.distill.temperature", .type = kReal, .fallback = "1.0", .min = 0, .max = 1000, .above_min = true, .belongs_to = "train.distill", .help = "softens both distributions"},
    {.path = "train.distill.alpha", .type = kReal, .fallback = "0.5", .min = 0, .max = 1, .belongs_to = "train.distill", .help = "weight of the teacher's term"},
};
constexpr Key kRun[] = {
    {.path = "run.priority", .type = kInteger, .fallback = "0", .min = -1000, .max = 1000, .mark = kExec, .help = "larger runs first"},
    {.path = "run.timeout_s", .type = kInteger, .fallback = "0", .min = 0, .max = 1e9, .mark = kExec, .help = "seconds after which a trial is ended; 0 = never"},
    {.path = "run.stall_timeout_s", .type = kInteger, .fallback = "600", .min = 1, .max = 1e9, .mark = kExec, .help = "seconds without a step after which an attempt is ended"},
    {.path = "run.max_attempts", .type = kInteger, .fallback = "3", .min = 1, .max = 1000, .mark = kExec, .help = "attempts that may fail before the trial does"},
};

std::vector<Key> all_keys() {
  std::vector<Key> all;
  for (const std::span<const Key> section : {std::span<const Key>(kTop), std::span<const Key>(kData), std::span<const Key>(kModel),
                                             std::span<const Key>(kNorm), std::span<const Key>(kTrain), std::span<const Key>(kRun)}) {
    all.insert(all.end(), section.begin(), section.end());
  }
  return all;
}

std::string number(double value) {
  if (value >= kMaxSeed) return "9223372036854775807";
  if (value == static_cast<double>(static_cast<int64_t>(value))) return cat(static_cast<int64_t>(value));
  std::ostringstream out;
  out.precision(12);
  out << value;
  return out.str();
}

std::string range_text(const Key& key) {
  if (key.above_min) return cat("above ", number(key.min), ", at most ", number(key.max));
  return cat("from ", number(key.min), " to ", number(key.max));
}

std::string word_list(std::span<const std::string_view> words) {
  return join(std::vector<std::string>(words.begin(), words.end()));
}

}  // namespace

std::span<const Key> keys() {
  static const std::vector<Key> kAll = all_keys();
  return kAll;
}

const Key* find_key(std::string_view path) {
  for (const Key& key : keys()) {
    if (key.path == path) return &key;
  }
  return nullptr;
}

std::string_view name(KeyType type) {
  switch (type) {
    case kInteger: return "integer";
    case kReal: return "number";
    case kFlag: return "true or false";
    case kWord: return "word";
    case kText: return "text";
    case kRealList: return "list of numbers";
    case kWordList: return "list of words";
    case kNormList: return "list of norms";
  }
  return "";
}

std::string allowed_text(const Key& key) {
  switch (key.type) {
    case kInteger: return "an integer " + range_text(key);
    case kReal: return "a number " + range_text(key);
    case kFlag: return "true or false";
    case kWord: return key.words.size() == 1 ? cat("only \"", key.words[0], "\"") : "one of " + word_list(key.words);
    case kText: return "a text";
    case kRealList: return "a list of numbers " + range_text(key);
    case kWordList: return "a list of " + word_list(key.words);
    case kNormList: return "a list of norms: names like \"layer\" or tables like { kind = \"layer\" }";
  }
  return "";
}

}  // namespace autonorm::config
