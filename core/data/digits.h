// UCI "Optical recognition of handwritten digits" as scikit-learn ships it: digits.csv.gz, 1797 lines of 64 grey values
// 0…16 (8 × 8, row-major) and a label 0…9, separated by commas.
#pragma once
#include <filesystem>

#include "core/base/status.h"
#include "core/data/raw_images.h"

namespace autonorm::data {

inline constexpr int64_t kDigitsSide = 8;
inline constexpr int kDigitsWhite = 16;  // the largest grey value

// kInvalid names file, line, what was expected and found.
Result<RawImages> read_digits(const std::filesystem::path& path);

}  // namespace autonorm::data
