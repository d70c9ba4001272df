// The IDX format of MNIST (http://yann.lecun.com/exdb/mnist): a big-endian header 00 00 TYPE RANK, RANK sizes of four
// bytes each, then the elements in row-major order. Only TYPE 08 (unsigned byte) occurs in image classification sets.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status.h"
#include "core/data/raw_images.h"

namespace autonorm::data {

struct IdxArray {
  std::vector<int64_t> sizes;
  std::string content;     // the whole unpacked file
  size_t data_offset = 0;  // of the first element in `content`
  Sha256 digest;           // of `content`

  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(content.data()) + data_offset; }
};

// Reads a plain or gzip-compressed IDX file of unsigned bytes with `rank` dimensions. kInvalid names file, byte offset,
// what was expected and found: wrong magic, element type or rank, truncated, or longer than its header says.
Result<IdxArray> read_idx(const std::filesystem::path& path, int rank);

// An image file [n, height, width] and its label file [n]. Labels must be below `classes` (0 = any).
// The unpacked contents, images first, are also added to `fingerprint` unless it is null.
Result<RawImages> read_idx_pair(const std::filesystem::path& images, const std::filesystem::path& labels,
                                int64_t classes, Sha256Stream* fingerprint = nullptr);

}  // namespace autonorm::data
