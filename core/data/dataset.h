// A data set, resident in memory: images as uint8 with classes, or a table's values with classes or real targets.
#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/config/trial_config.h"

namespace autonorm::data {

struct Split {
  // [n, channels, height, width] uint8, or float32 that models get as they are: corrupted images, and of a table
  // [n, 1, 1, features], standardised
  at::Tensor images;
  at::Tensor labels;  // [n] int64; of a regression float32, as RealTarget says
  int64_t size() const { return labels.defined() ? labels.size(0) : 0; }
};
// How bytes become values: [-1, 1] or [0, 1].
struct PixelScale {
  PixelScale(double full_white = 255.0, config::PixelRange pixels = config::PixelRange::kSigned)  // NOLINT: a number
      : white(full_white), range(pixels) {}
  double white;  // the byte of full white
  config::PixelRange range;
};

// The labels of a regression are (y − mean) / deviation of the target y.
struct RealTarget {
  double mean = 0, deviation = 1;
};

struct Dataset {
  std::string name;
  int64_t classes = 10;  // outputs of a model; 1 of a regression
  std::optional<RealTarget> real_target;
  int64_t channels = 1, height = 28, width = 28;
  PixelScale scale;
  Split train, val, test;  // val is carved from the training files by a fixed split; test is the held-out file
  Sha256 fingerprint;      // of the files' contents
};

// Where data sets are looked for: the folders of AUTONORM_DATA (separated by ':'), then the checkout's own data folder.
// Passed in; this code reads no environment.
struct DataRoots {
  std::vector<std::filesystem::path> folders;
};

// kNotFound: no folder has it; the message lists the folders tried and the remedy. kInvalid: a file is damaged; names
// file, offset, what was expected and found.
Result<Dataset> load_dataset(const config::DataConfig& config, const DataRoots& roots);

// images[indices] as float32, (x / white − .5) / .5 or x / white, a table's values as they are, on the indices' device.
// indices [B] int64 → [B, C, H, W]
at::Tensor gather_images(const Split& split, const at::Tensor& indices, const PixelScale& scale);

}  // namespace autonorm::data
