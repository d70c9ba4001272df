// Every configuration key but those of norms (catalogue_norm_keys.cpp) and models (catalogue_model_keys.cpp). A new key
// is one row here, one line in trial_fields.h and one member in trial_config.h.
#include <array>
#include <limits>
#include <unordered_map>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/key_rows.h"

namespace autonorm::config {
namespace {

using enum KeyType;
constexpr double kMaxSeed = 9223372036854775807.0;

constexpr auto kDataKinds = std::to_array<std::string_view>({"idx", "csv"});
constexpr auto kDataNames = std::to_array<std::string_view>({"digits", "mnist", "fashion-mnist"});
constexpr auto kDeviceWords = std::to_array<std::string_view>({"auto", "cpu", "cuda"});

std::vector<Key> top_keys() {
  return {
      integer("seed", "0", 0, kMaxSeed,
              "initial weights, batch order and all noise; a sweep states it in [sweep] seeds"),
      integer("ranks", "1", 1, 1024, "processes (GPUs) that train one trial together"),
      word("device", "\"auto\"", kDeviceWords, "class of device a trial may run on"),
  };
}

std::vector<Key> data_keys() {
  constexpr std::string_view kOwn = "data.kind = idx, csv", kCsv = "data.kind = csv";
  Key corruptions = plain(kWordList, "data.corruptions", "[]",
                          "the trained model is also judged on test images with each of these, as in CIFAR-10-C and "
                          "MNIST-C (metrics corrupted/NAME, test/corrupted_accuracy, test/corruption_drop)");
  corruptions.words = words<Corruption>();
  return {
      word("data.name", "\"digits\"", kDataNames, "a data set of the catalogue"),
      of("instead of data.name",
         word("data.kind", "", kDataKinds, "files of your own: four IDX files in `path`, or a table of numbers")),
      of(kOwn, execution(plain(kText, "data.path", "",
                               "folder with the four IDX files, or the CSV file, below a data root or absolute"))),
      of(kOwn, plain(kText, "data.sha256", "\"\"",
                     "of the files' decompressed contents: zcat -f train-images* train-labels* t10k-images* "
                     "t10k-labels* | sha256sum, or zcat -f FILE.csv | sha256sum")),
      of(kCsv, word("data.task", "\"classification\"", words<Task>(),
                    "what the target is: a class, 0, 1, …, or a real number (squared error)")),
      of(kCsv,
         plain(kText, "data.target", "\"\"", "column that is learned, by name or number from 1; \"\" = the last")),
      of(kCsv, positive("data.test_fraction", "0.2", 0.5,
                        "share of the lines held out, those of train_test_split with random_state 42")),
      of("data.task = regression", plain(kFlag, "data.standardise_target", "true",
                                         "learn (y - mean) / deviation of the training split; RMSE stays in y's unit")),
      real("data.val_fraction", "0.1", 0, 0.5, "share of the training files kept for validation"),
      integer("data.train_limit", "0", 0, 1e12, "use only this many training samples; 0 = all"),
      of("data of images",
         word("data.pixels", "\"signed\"", words<PixelRange>(), "images as [-1, 1], or as they are, [0, 1]")),
      of("data of images", corruptions),
      of("data.corruptions", integer("data.severity", "0", 0, 5, "of the corruptions; 0 = the mean over 1 to 5")),
      of("data.corruptions",
         word("data.corruption_scale", "\"cifar\"", words<CorruptionScale>(),
              "constants of the noises, contrast and brightness: CIFAR-10-C's, or the stronger ones of "
              "MNIST-C")),
      of("data of images",
         plain(
             kFlag, "data.tta", "false",
             "test-time augmentation: the test set is judged by the mean logits of four views of each image: as it is, "
             "mirrored, moved by a pixel down, by a pixel left")),
  };
}

std::vector<Key> model_keys() {
  std::vector<Key> all{word("model.family", "\"vit\"", words<ModelFamily>(), "kind of model")};
  const std::vector<Key> others = family_keys();
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

std::vector<Key> train_keys() {
  constexpr std::string_view kDistill = "train.distill", kAdam = "train.optimizer = adamw, adam, lamb",
                             kRand = "train.policy = rand_augment",
                             kFalls = "train.schedule = cosine, cosine_epochs, learnable_scaler";
  return {
      integer("train.epochs", "10", 1, 100000, "passes over the training split"),
      integer("train.batch", "64", 1, 1048576, "samples per optimizer step, over all ranks and micro-batches"),
      integer("train.accumulate", "1", 1, 65536, "micro-batches per optimizer step"),
      word("train.optimizer", "\"adamw\"", words<OptimizerKind>(), "kind of optimizer"),
      real("train.lr", "0.001", 0, 100, "peak learning rate"),
      real("train.layer_decay", "1", 0.01, 1,
           "vit: factor on the learning rate of each layer further from the head; 1 = none"),
      real("train.weight_decay", "0.05", 0, 10,
           "adamw, lamb: of the weights; adam, sgd, lars: in the gradient (L2); not on parameters with one dimension"),
      of(kAdam, real("train.beta1", "0.9", 0, 0.9999999, "decay of the gradient's mean")),
      of(kAdam, real("train.beta2", "0.999", 0, 0.9999999, "decay of the squared gradient's mean")),
      of(kAdam, positive("train.adam_eps", "1e-08", 1, "added to the root of the second moment")),
      of("train.optimizer = sgd, lars",
         real("train.momentum", "0.9", 0, 0.9999999, "share of the last step that goes on")),
      of("train.optimizer = lars", real("train.trust", "0.001", 0, 100,
                                        "length of a parameter's step before lr and momentum, as a share of the "
                                        "parameter's length")),
      of("train.optimizer = sgd with train.momentum above 0",
         plain(kFlag, "train.nesterov", "false", "momentum as Nesterov has it")),
      real("train.ema", "0", 0, 0.9999999,
           "decay of a running average of the weights, which is what is evaluated and kept; 0 = none"),
      of("train.ema above 0", word("train.ema_start", "\"ramp\"", words<EmaStart>(),
                                   "ramp: the decay of step t is at most (1 + t) / (10 + t), so that the initial "
                                   "weights are soon forgotten; at_once: "
                                   "the same decay from the first step on")),
      real("train.warmup", "0.05", 0, 1, "share of all steps with a linear rise from 0"),
      word("train.schedule", "\"cosine\"", words<Schedule>(), "learning rate after the warm-up"),
      of(kFalls, integer("train.horizon", "0", 0, 100000,
                         "epochs after which the schedule is at its end; 0 = those of the trial; a trial of fewer is "
                         "the start of one")),
      of(kFalls, real("train.min_lr", "0", 0, 100, "learning rate at the end of the schedule")),
      word("train.augment", "\"none\"", words<Augment>(),
           "crop_flip: a random piece of each training image, resized, and mirrored for half of them; pad_crop: each "
           "moved by up to 4 pixels each way, black beyond the edge; pad_crop_flip: so, and mirrored for half of them"),
      of("train.augment = crop_flip", number(kReal, "train.crop_min", "0.2", 0.01, 1, "smallest share of the area")),
      word("train.policy", "\"none\"", words<Policy>(),
           "random operations on each training image, after augment: rand_augment (timm's) or auto_augment (the policy "
           "of CIFAR-10)"),
      of(kRand, integer("train.rand_layers", "2", 1, 16,
                        "operations drawn for an image, each applied with probability one half")),
      of(kRand, real("train.rand_magnitude", "9", 0, 10, "mean strength of an operation")),
      of(kRand,
         real("train.rand_deviation", "0.5", 0, 10, "standard deviation of the strength, which stays from 0 to 10")),
      of(kRand, plain(kFlag, "train.rand_increasing", "true",
                      "posterize, solarize, color, contrast, brightness and sharpness get stronger with the magnitude, "
                      "too (timm's inc1)")),
      real("train.erase", "0", 0, 1,
           "share of training images of which a piece of 2 to 33 % of the area becomes noise (random erasing)"),
      real("train.mixup", "0", 0, 100,
           "MixUp: images and labels by share and 1 - share, from Beta(mixup, mixup); 0 = off"),
      real("train.cutmix", "0", 0, 100,
           "CutMix: a box of another image, of share 1 - Beta(cutmix, cutmix), labels by area; 0 = off"),
      of("train.mixup or train.cutmix above 0",
         real("train.mix_prob", "1", 0, 1, "share of micro-batches that are mixed")),
      of("train.mixup and train.cutmix above 0",
         real("train.mix_switch", "0.5", 0, 1, "share of the mixed micro-batches that cutmix takes")),
      real("train.feature_decay", "0", 0, 100,
           "vit: weight in the loss of features beyond a limit, after each residual addition (LearnableScaler: 0.01); "
           "0 = off"),
      of("train.feature_decay above 0",
         real("train.feature_limit", "200", 0, 1e6, "the size from which a feature counts")),
      real("train.attention_peak", "0", 0, 100,
           "vit: weight in the loss of attention without a peak, in the first 6 blocks (LearnableScaler: 0.003); 0 = "
           "off"),
      plain(kFlag, "train.shuffle", "true", "a new order of the samples each epoch"),
      plain(kFlag, "train.decay_all", "false", "weight decay on parameters with one dimension, too"),
      real("train.clip", "1.0", 0, 1e6, "largest L2 norm of the whole gradient; 0 = off"),
      real("train.label_smoothing", "0.0", 0, 0.9999999, "share of the target spread over all classes"),
      word("train.precision", "\"fp32\"", words<Precision>(), "bf16 = autocast on GPUs"),
      integer("train.eval_every", "1", 1, 100000, "epochs between validations"),
      integer(
          "train.patience", "0", 0, 100000,
          "early stopping: validations in a row without a lower loss or a higher accuracy after which training ends; "
          "above 0 the weights of the best validation are judged and kept; 0 = train to the end, keep the last"),
      execution(integer("train.log_every", "10", 1, 1e9, "steps between metric points")),
      execution(integer("train.checkpoint_every", "0", 0, 1e9,
                        "steps between checkpoints, a multiple of log_every; 0 = about every 10 s")),
      of("train.start",
         plain(
             kText, "train.start.from", "",
             "the stage whose trained weights the trial starts from; norms of another kind start anew; a vit may start "
             "from a mae, whose encoder it takes over")),
      of("train.start",
         plain(kFlag, "train.start.keep_counters", "false",
               "the warm-ups of unified and power_norm go on from the stage's counts, as in the published "
               "code; false: they begin anew")),
      of("train.start",
         plain(kFlag, "train.start.head_only", "false",
               "only the head learns, and norms that start anew: a linear probe, or the first phase of finetuning")),
      of(kDistill, plain(kText, "train.distill.from", "", "the stage that teaches")),
      of(kDistill, positive("train.distill.temperature", "1.0", 1000, "softens both distributions")),
      of(kDistill, real("train.distill.alpha", "0.5", 0, 1, "weight of the teacher's term")),
      of(kDistill,
         plain(kFlag, "train.distill.hard", "false",
               "the teacher's term is the cross entropy against its first choice, as DeiT's hard distillation")),
  };
}

std::vector<Key> run_keys() {
  return {
      execution(integer("run.priority", "0", -1000, 1000, "larger runs first")),
      execution(integer("run.timeout_s", "0", 0, 1e9,
                        "seconds of training after which a trial is ended, over all its attempts; 0 = never")),
      execution(
          integer("run.stall_timeout_s", "600", 1, 1e9, "seconds without a step after which an attempt is ended")),
      execution(integer("run.max_attempts", "3", 1, 1000, "attempts that may fail before the trial does")),
  };
}

std::vector<Key> all_keys() {
  std::vector<Key> all;
  for (const auto& section : {top_keys(), data_keys(), model_keys(), norm_keys(), train_keys(), run_keys()}) {
    all.insert(all.end(), section.begin(), section.end());
  }
  return all;
}

std::string number_text(double value) {
  if (value >= kMaxSeed) return "9223372036854775807";
  if (value == static_cast<double>(static_cast<int64_t>(value))) return cat(static_cast<int64_t>(value));
  std::ostringstream out;
  out.precision(12);
  out << value;
  return out.str();
}

std::string range_text(const Key& key) {
  if (key.above_min) return cat("above ", number_text(key.min), ", at most ", number_text(key.max));
  return cat("from ", number_text(key.min), " to ", number_text(key.max));
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
  static const auto kByPath = [] {
    std::unordered_map<std::string_view, const Key*> found;
    for (const Key& key : keys()) found.emplace(key.path, &key);  // the first of a path counts
    return found;
  }();
  const auto it = kByPath.find(path);
  return it == kByPath.end() ? nullptr : it->second;
}

std::string_view name(KeyType type) {
  switch (type) {
    case kInteger:
      return "integer";
    case kReal:
      return "number";
    case kFlag:
      return "true or false";
    case kWord:
      return "word";
    case kText:
      return "text";
    case kRealList:
      return "list of numbers";
    case kWordList:
      return "list of words";
    case kNormList:
      return "list of norms";
  }
  return "";
}

std::string allowed_text(const Key& key) {
  switch (key.type) {
    case kInteger:
      return "an integer " + range_text(key);
    case kReal:
      return "a number " + range_text(key);
    case kFlag:
      return "true or false";
    case kWord:
      return key.words.size() == 1 ? cat("only \"", key.words[0], "\"") : "one of " + word_list(key.words);
    case kText:
      return "a text";
    case kRealList:
      return "a list of numbers " + range_text(key);
    case kWordList:
      return "a list of " + word_list(key.words);
    case kNormList:
      return "a list of norms: names like \"layer\" or tables like { kind = \"layer\" }";
  }
  return "";
}

}  // namespace autonorm::config
