// The data table of a trial: what is trained on, and what the trained model is judged by.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace autonorm::config {

// Images as [-1, 1], (x / white - .5) / .5, or as [0, 1], x / white.
enum class PixelRange { kSigned, kUnit };
enum class DataSource { kDigits, kMnist, kFashionMnist, kIdx, kCsv };
// Files of the user's own, whose shape and content the catalogue does not know.
constexpr bool is_own(DataSource source) { return source == DataSource::kIdx || source == DataSource::kCsv; }
// Of images (core/data/corruption.h).
enum class Corruption {
  kGaussianNoise,
  kShotNoise,
  kImpulseNoise,
  kSpeckleNoise,
  kGaussianBlur,
  kContrast,
  kBrightness,
  kPixelate,
  kRotate,
  kTranslate,
  kShear
};
enum class CorruptionScale { kCifar, kMnist };  // whose constants
enum class Task { kClassification, kRegression };
struct DataConfig {
  DataSource source = DataSource::kDigits;
  std::string path;    // own files only: folder with the four IDX files, or the CSV file
  std::string sha256;  // own files only: of the decompressed contents, one after the other (catalogue.h); a sweep must
                       // state it, because equal trials share results by content
  Task task = Task::kClassification;  // kCsv, as the next three
  std::string target;                 // name of its column, or number from 1; "" = the last
  double test_fraction = 0.2;         // held out as scikit-learn's train_test_split does with random_state 42
  bool standardise_target = true;     // regression: learn (y − mean) / deviation
  double val_fraction = 0.1;          // of the training set, carved out by a fixed seed-independent split; in [0, 0.5]
  int64_t train_limit = 0;            // use only this many training samples (0 = all), chosen before the val split
  PixelRange pixels = PixelRange::kSigned;
  std::vector<Corruption> corruptions;  // of the test set, each judged beside the set itself; images only, as the rest
  int64_t severity = 0;                 // 1 to 5; 0 = the mean over all
  CorruptionScale corruption_scale = CorruptionScale::kCifar;
  bool tta = false;  // the test set is judged by the mean logits of four views of each image
  bool operator==(const DataConfig&) const = default;
};

}  // namespace autonorm::config
