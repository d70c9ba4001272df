// The data sets. Hashes: MNIST and Fashion-MNIST as first published (decompressed), digits as shipped by scikit-learn.
#include <array>

#include "core/config/catalogue.h"

namespace autonorm::config {
namespace {

constexpr auto kIdxNames = std::to_array<std::string_view>(
    {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"});

constexpr auto kDigitsFiles = std::to_array<DataFile>(
    {{"digits.csv", "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8", 264712}});

constexpr auto kMnistFiles = std::to_array<DataFile>({
    {kIdxNames[0], "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47040016},
    {kIdxNames[1], "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60008},
    {kIdxNames[2], "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7840016},
    {kIdxNames[3], "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10008},
});

constexpr auto kFashionFiles = std::to_array<DataFile>({
    {kIdxNames[0], "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 47040016},
    {kIdxNames[1], "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 60008},
    {kIdxNames[2], "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 7840016},
    {kIdxNames[3], "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 10008},
});

// The UCI file has no split of its own: the data code holds out a fixed fifth as the test set.
constexpr DataSet kDigits{.source = DataSource::kDigits,
                          .kind = {"digits", 1, "UCI handwritten digits, 1,797 images of 8x8; the smallest real task"},
                          .folder = "",
                          .height = 8,
                          .width = 8,
                          .classes = 10,
                          .full_scale = 16,
                          .train_samples = 1437,
                          .test_samples = 360,
                          .files = kDigitsFiles,
                          .fingerprint = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"};

constexpr DataSet kMnist{.source = DataSource::kMnist,
                         .kind = {"mnist", 1, "MNIST, 60,000 + 10,000 digits of 28x28"},
                         .folder = "mnist",
                         .height = 28,
                         .width = 28,
                         .classes = 10,
                         .train_samples = 60000,
                         .test_samples = 10000,
                         .files = kMnistFiles,
                         .fingerprint = "b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a"};

constexpr DataSet kFashion{.source = DataSource::kFashionMnist,
                           .kind = {"fashion-mnist", 1, "Fashion-MNIST, 60,000 + 10,000 garments of 28x28"},
                           .folder = "fashion-mnist",
                           .height = 28,
                           .width = 28,
                           .classes = 10,
                           .train_samples = 60000,
                           .test_samples = 10000,
                           .files = kFashionFiles,
                           .fingerprint = "14410854cf7a289477dcfc7df3f8ec24741e281cdcc425ede0d9a748ca630214"};

constexpr std::array kDataSets{kDigits, kMnist, kFashion};

}  // namespace

std::span<const DataSet> data_sets() { return kDataSets; }
std::span<const std::string_view> idx_file_names() { return kIdxNames; }

const DataSet* find_data_set(DataSource source) {
  for (const DataSet& set : kDataSets) {
    if (set.source == source) return &set;
  }
  return nullptr;
}

const DataSet* find_data_set(std::string_view name) {
  for (const DataSet& set : kDataSets) {
    if (set.kind.name == name) return &set;
  }
  return nullptr;
}

std::string data_fingerprint(const DataConfig& data) {
  if (const DataSet* set = find_data_set(data.source)) return std::string(set->fingerprint);
  return data.sha256.empty() ? "path:" + data.path : data.sha256;
}

}  // namespace autonorm::config
