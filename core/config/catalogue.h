// The one list of what a trial can be made of: kinds (norms, models, data sets, …), configuration keys with type,
// range, default and mark, and metrics. The coordinator validates with it without LibTorch; core/norms, core/models,
// core/data map each kind to its code, and tests fail when the two differ. Everything here is constant and lives for
// ever.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/config/trial_config.h"

namespace autonorm::config {

// One thing that can be chosen by name. `numerics` is part of the identity of each trial that uses the kind: raise it
// when the code of the kind computes something else than before.
struct Kind {
  std::string_view name;
  int numerics = 1;
  std::string_view help;
};
std::span<const Kind> norms();       // in the order of NormKind
std::span<const Kind> models();      // in the order of ModelFamily
std::span<const Kind> gates();       // in the order of Gate
std::span<const Kind> optimizers();  // in the order of OptimizerKind
std::span<const Kind> schedules();   // in the order of Schedule
std::span<const Kind> losses();      // cross_entropy always, distill with train.distill
std::span<const Kind> devices();     // words of `device`
// The training loop itself: batch order, initial values, reduction order.
const Kind& training_loop();

// A file of a data set, named as it is without ".gz". Hashes are of the decompressed content, because mirrors compress
// anew.
struct DataFile {
  std::string_view name;
  std::string_view sha256;
  int64_t bytes = 0;
};
struct DataSet {
  DataSource source{};
  Kind kind;
  std::string_view folder;  // below a data root; empty for digits
  int64_t channels = 1, height = 0, width = 0, classes = 0;
  double full_scale = 255;                      // the pixel value of full white
  int64_t train_samples = 0, test_samples = 0;  // before the validation split is carved out of train
  std::span<const DataFile> files;
  std::string_view fingerprint;  // SHA-256 of the files' decompressed contents, one after the other in this order
};
std::span<const DataSet> data_sets();  // without files of the user's own, whose shape and content are theirs
// nullptr for kIdx and kCsv.
const DataSet* find_data_set(DataSource source);
const DataSet* find_data_set(std::string_view name);
// The names of the four IDX files, in the order in which a fingerprint reads them.
std::span<const std::string_view> idx_file_names();

enum class KeyType { kInteger, kReal, kFlag, kWord, kText, kRealList, kWordList, kNormList };
std::string_view name(KeyType type);
// kExecution: how a trial is run, never part of its identity.
enum class Mark { kIdentity, kExecution };

struct Key {
  std::string_view path;  // "train.lr"; "norm.eps" also stands for norm_sites.SITE.eps and branches
  KeyType type{};
  std::string_view fallback = {};  // the default as JSON text; "" = must be given where it belongs
  double min = 0, max = 0;         // integers and reals
  bool above_min = false;          // min itself is not allowed
  std::span<const std::string_view> words = {};
  std::string_view belongs_to = {};  // e.g. "kind = layer" ; empty = always valid
  Mark mark = Mark::kIdentity;
  std::string_view help = {};
};
std::span<const Key> keys();
// The first key of this path (norm.eps has one per kind, which differ in their default); nullptr when there is none.
const Key* find_key(std::string_view path);
// What a value of this key may be, for people: "an integer from 1 to 1024", "one of cosine, constant".
std::string allowed_text(const Key& key);

// Sites of a model family: those that `norm` fills, those that have LayerNorm unless norm_sites says otherwise, and
// those that only norm_sites fills.
struct Sites {
  std::vector<std::string> standard;
  std::vector<std::string> layered;
  std::vector<std::string> optional;
  std::vector<std::string> all() const;
};
const Sites& sites(ModelFamily family);

struct Metric {
  std::string_view name;
  bool higher_is_better = false;
  std::string_view help;
};
std::span<const Metric> metrics();
const Metric* find_metric(std::string_view name);

// Words of the enumerations, in the order of the enumerators.
std::string_view name(DataSource source);  // kIdx is "idx"
std::string_view name(Task task);
std::string_view name(Corruption corruption);
std::string_view name(CorruptionScale scale);
std::string_view name(ModelFamily family);
std::string_view name(Pool pool);
std::string_view name(PixelRange value);
std::string_view name(ModelInput value);
std::string_view name(Positions value);
std::string_view name(WeightInit value);
std::string_view name(TokenLayer value);
std::string_view name(NormKind kind);
std::string_view name(Squash function);
std::string_view name(ScalerInit init);
std::string_view name(FeatureAxis axis);
std::string_view name(Statistics statistics);
std::string_view name(SwitchForm form);
std::string_view name(PrepbnFirst first);
std::string_view name(Gate gate);
std::string_view name(GateEval eval);
std::string_view name(GateInput input);
std::string_view name(Granularity granularity);
std::string_view name(Anneal anneal);
std::string_view name(Precision precision);
std::string_view name(Augment augment);
std::string_view name(Policy policy);
std::string_view name(OptimizerKind kind);
std::string_view name(EmaStart start);
std::string_view name(Schedule schedule);
// All words of an enumeration.
template <class Enum>
std::span<const std::string_view> words();
template <>
std::span<const std::string_view> words<DataSource>();
template <>
std::span<const std::string_view> words<Task>();
template <>
std::span<const std::string_view> words<Corruption>();
template <>
std::span<const std::string_view> words<CorruptionScale>();
template <>
std::span<const std::string_view> words<ModelFamily>();
template <>
std::span<const std::string_view> words<Pool>();
template <>
std::span<const std::string_view> words<PixelRange>();
template <>
std::span<const std::string_view> words<ModelInput>();
template <>
std::span<const std::string_view> words<Positions>();
template <>
std::span<const std::string_view> words<WeightInit>();
template <>
std::span<const std::string_view> words<TokenLayer>();
template <>
std::span<const std::string_view> words<NormKind>();
template <>
std::span<const std::string_view> words<Squash>();
template <>
std::span<const std::string_view> words<ScalerInit>();
template <>
std::span<const std::string_view> words<FeatureAxis>();
template <>
std::span<const std::string_view> words<Statistics>();
template <>
std::span<const std::string_view> words<SwitchForm>();
template <>
std::span<const std::string_view> words<PrepbnFirst>();
template <>
std::span<const std::string_view> words<Gate>();
template <>
std::span<const std::string_view> words<GateEval>();
template <>
std::span<const std::string_view> words<GateInput>();
template <>
std::span<const std::string_view> words<Granularity>();
template <>
std::span<const std::string_view> words<Anneal>();
template <>
std::span<const std::string_view> words<Precision>();
template <>
std::span<const std::string_view> words<Augment>();
template <>
std::span<const std::string_view> words<Policy>();
template <>
std::span<const std::string_view> words<OptimizerKind>();
template <>
std::span<const std::string_view> words<EmaStart>();
template <>
std::span<const std::string_view> words<Schedule>();
template <class Enum>
std::optional<Enum> parse_word(std::string_view word) {
  const auto all = words<Enum>();
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] == word) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

// What identifies the data: the catalogue's fingerprint, for own files the configured sha256, else (by hand only) its
// path.
std::string data_fingerprint(const DataConfig& data);
// 1e-6 for rms, bhyt and adyt, else 1e-5.
double default_eps(NormKind kind);
// scale, layer: what a selector blends when `branches` is empty.
std::vector<NormConfig> default_branches();

}  // namespace autonorm::config
