#include "core/data/dataset.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/data/data_files.h"
#include "core/data/digits.h"
#include "core/data/fixed_split.h"
#include "core/data/idx.h"
#include "core/data/table_dataset.h"

namespace autonorm::data {
namespace {

using std::filesystem::path;

// Positions in config::idx_file_names().
enum IdxFile : size_t { kTrainImages, kTrainLabels, kTestImages, kTestLabels };

// The samples `indices` of `raw` as tensors that own their memory.
Split gather(const RawImages& raw, const std::vector<int64_t>& indices) {
  const auto n = static_cast<int64_t>(indices.size());
  Split split;
  split.images = at::empty({n, raw.channels, raw.height, raw.width}, at::kByte);  // [n, C, H, W]
  split.labels = at::empty({n}, at::kLong);                                       // [n]
  auto* pixels = split.images.data_ptr<uint8_t>();
  auto* labels = split.labels.data_ptr<int64_t>();
  const auto bytes = static_cast<size_t>(raw.pixels_per_image());
  for (size_t i = 0; i < indices.size(); ++i) {
    const auto source = static_cast<size_t>(indices[i]);
    std::memcpy(pixels + i * bytes, raw.pixels.data() + source * bytes, bytes);
    labels[i] = raw.labels[source];
  }
  return split;
}

std::vector<int64_t> all_indices(const RawImages& raw) {
  std::vector<int64_t> indices(static_cast<size_t>(raw.count()));
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i);
  return indices;
}

std::vector<uint8_t> labels_of(const RawImages& raw, const std::vector<int64_t>& indices) {
  std::vector<uint8_t> labels;
  labels.reserve(indices.size());
  for (const int64_t index : indices) labels.push_back(raw.labels[static_cast<size_t>(index)]);
  return labels;
}

std::vector<int64_t> mapped(const std::vector<int64_t>& positions, const std::vector<int64_t>& indices) {
  std::vector<int64_t> out;
  out.reserve(positions.size());
  for (const int64_t position : positions) out.push_back(indices[static_cast<size_t>(position)]);
  return out;
}

// Applies train_limit, then carves val out of what is left of `training`.
void split_training(const RawImages& raw, std::vector<int64_t> training, const config::DataConfig& config,
                    Dataset& dataset) {
  const auto limit = config.train_limit;
  if (limit > 0 && limit < static_cast<int64_t>(training.size())) {
    training = mapped(pick_stratified(labels_of(raw, training), limit, dataset.name + "/limit").picked, training);
  }
  const auto val = static_cast<int64_t>(std::llround(static_cast<double>(training.size()) * config.val_fraction));
  const IndexSplit split = pick_stratified(labels_of(raw, training), val, dataset.name + "/val");
  dataset.train = gather(raw, mapped(split.rest, training));
  dataset.val = gather(raw, mapped(split.picked, training));
}

void take_shape(const RawImages& raw, Dataset& dataset) {
  dataset.channels = raw.channels;
  dataset.height = raw.height;
  dataset.width = raw.width;
}

// The catalogue knows the contents of the public sets; anything else under their names would give results nobody can
// compare.
Status verify(const config::DataSet* known, std::string_view name, const path& file, const Sha256& found) {
  if (known == nullptr) return {};
  for (const auto& expected : known->files) {
    if (expected.name != name || found.value() == expected.sha256) continue;
    return invalid(file.string(), ": wrong content: expected ", expected.bytes, " unpacked bytes with SHA-256 ",
                   expected.sha256, ", found SHA-256 ", found,
                   "; fetch the original file again, or use data.kind = \"idx\" for a set of your own");
  }
  return {};
}

Result<Dataset> load_digits(const config::DataConfig& config, const DataRoots& roots) {
  const config::DataSet& known = *config::find_data_set(config::DataSource::kDigits);
  const std::string name(known.files[0].name);
  std::vector<path> candidates;
  for (const auto& root : roots.folders) {
    candidates.push_back(root / "digits");
    candidates.push_back(root);
  }
  const auto files = find_files("digits", {name}, candidates);
  if (!files.ok()) return files.status();
  const auto raw = read_digits(files->at(name));
  if (!raw.ok()) return raw.status();
  AUTONORM_RETURN_IF_ERROR(verify(&known, name, files->at(name), raw->images_digest));
  Dataset dataset;
  dataset.name = "digits";
  dataset.scale = {known.full_scale, config.pixels};
  dataset.classes = known.classes;
  dataset.fingerprint = raw->images_digest;
  take_shape(*raw, dataset);
  const IndexSplit split = pick_stratified(raw->labels, known.test_samples, "digits/test");
  dataset.test = gather(*raw, split.picked);
  split_training(*raw, split.rest, config, dataset);
  return dataset;
}

// Folders that may hold an IDX set: a root's folder of that name; for a set of the user's own PATH itself or root/PATH.
std::vector<path> idx_candidates(const path& folder, const DataRoots& roots) {
  if (folder.is_absolute()) return {folder};
  std::vector<path> candidates;
  for (const auto& root : roots.folders) candidates.push_back(root / folder);
  return candidates;
}

struct IdxSet {
  FoundFiles files;
  RawImages train, test;
};

// Reads and verifies the four files. `known` is null for a set of the user's own, whose fingerprint is then computed.
Result<IdxSet> read_idx_set(const std::string& name, const path& folder, const config::DataSet* known,
                            const DataRoots& roots, Sha256Stream& fingerprint) {
  const auto names = config::idx_file_names();
  auto files = find_files(name, std::vector<std::string>(names.begin(), names.end()), idx_candidates(folder, roots));
  if (!files.ok()) return files.status();
  IdxSet set{.files = std::move(*files), .train = {}, .test = {}};
  for (const auto& [images, labels, raw] :
       {std::tuple(kTrainImages, kTrainLabels, &set.train), {kTestImages, kTestLabels, &set.test}}) {
    const path& image_file = set.files.at(std::string(names[images]));
    const path& label_file = set.files.at(std::string(names[labels]));
    auto pair = read_idx_pair(image_file, label_file, known != nullptr ? known->classes : 0,
                              known != nullptr ? nullptr : &fingerprint);
    if (!pair.ok()) return pair.status();
    AUTONORM_RETURN_IF_ERROR(verify(known, names[images], image_file, pair->images_digest));
    AUTONORM_RETURN_IF_ERROR(verify(known, names[labels], label_file, pair->labels_digest));
    *raw = std::move(*pair);
  }
  if (set.train.height != set.test.height || set.train.width != set.test.width) {
    return invalid(set.files.at(std::string(names[kTestImages])).string(), ": byte 8: expected images of ",
                   set.train.height, " x ", set.train.width, " as in the training file, found ", set.test.height, " x ",
                   set.test.width);
  }
  return set;
}

Dataset assemble(const IdxSet& set, const std::string& name, const config::DataConfig& config) {
  Dataset dataset;
  dataset.name = name;
  take_shape(set.train, dataset);
  dataset.test = gather(set.test, all_indices(set.test));
  split_training(set.train, all_indices(set.train), config, dataset);
  return dataset;
}

Result<Dataset> load_known_idx(const config::DataSet& known, const config::DataConfig& config, const DataRoots& roots) {
  Sha256Stream unused;
  const std::string name(known.kind.name);
  const auto set = read_idx_set(name, path(known.folder), &known, roots, unused);
  if (!set.ok()) return set.status();
  Dataset dataset = assemble(*set, name, config);
  dataset.classes = known.classes;
  dataset.scale = {known.full_scale, config.pixels};
  dataset.fingerprint = Sha256(std::string(known.fingerprint));
  return dataset;
}

Result<Dataset> load_own_idx(const config::DataConfig& config, const DataRoots& roots) {
  if (config.path.empty()) return invalid("data.path: the folder with the four IDX files is missing");
  Sha256Stream stream;
  const auto set = read_idx_set(config.path, config.path, nullptr, roots, stream);
  if (!set.ok()) return set.status();
  Dataset dataset = assemble(*set, config.path, config);
  dataset.scale.range = config.pixels;
  dataset.classes =
      1 + std::max(*std::ranges::max_element(set->train.labels), *std::ranges::max_element(set->test.labels));
  dataset.fingerprint = stream.finish();
  if (!config.sha256.empty() && config.sha256 != dataset.fingerprint.value()) {
    return invalid("data set '", config.path, "': wrong content: data.sha256 expects ", config.sha256, ", found ",
                   dataset.fingerprint, " over the unpacked files ",
                   join(std::vector<std::string>(config::idx_file_names().begin(), config::idx_file_names().end())));
  }
  return dataset;
}

}  // namespace

Result<Dataset> load_dataset(const config::DataConfig& config, const DataRoots& roots) {
  if (config.val_fraction < 0 || config.val_fraction > 0.5) {
    return invalid("data.val_fraction = ", config.val_fraction, ": must be in [0, 0.5]");
  }
  if (config.train_limit < 0) return invalid("data.train_limit = ", config.train_limit, ": must be 0 (all) or more");
  if (config.source == config::DataSource::kDigits) return load_digits(config, roots);
  if (config.source == config::DataSource::kCsv) return load_table(config, roots);
  if (const config::DataSet* known = config::find_data_set(config.source)) return load_known_idx(*known, config, roots);
  return load_own_idx(config, roots);
}

}  // namespace autonorm::data
