#include "core/data/idx.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/data/compressed_file.h"

namespace autonorm::data {
namespace {

constexpr size_t kMagicBytes = 4;
constexpr uint8_t kUnsignedByte = 0x08;

uint32_t big_endian(std::string_view bytes, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[offset + i]);
  return value;
}

std::string hex32(uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

Status damaged_idx(const std::filesystem::path& path, size_t offset, std::string_view expected,
                   std::string_view found) {
  return invalid(path.string(), ": byte ", offset, ": expected ", expected, ", found ", found,
                 " (offsets in the unpacked IDX data)");
}

std::string product_text(const std::vector<int64_t>& sizes) {
  std::string text;
  for (const int64_t size : sizes) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

// Reads magic and sizes; `array.content` is filled already.
Status parse_header(const std::filesystem::path& path, int rank, IdxArray& array) {
  const std::string& bytes = array.content;
  if (bytes.size() < kMagicBytes) {
    return damaged_idx(path, bytes.size(), "an IDX header of at least 4 bytes", "the end of the file (truncated)");
  }
  const uint32_t magic = big_endian(bytes, 0);
  if (magic >> 16 != 0) return damaged_idx(path, 0, cat("IDX magic ", hex32(0x0800u | rank)), hex32(magic));
  const auto type = static_cast<uint8_t>(magic >> 8);
  if (type != kUnsignedByte) {
    return damaged_idx(path, 2, "element type 0x08 (unsigned byte)",
                       cat("0x", to_hex(std::array{static_cast<unsigned char>(type)})));
  }
  const auto found_rank = static_cast<int>(magic & 0xff);
  if (found_rank != rank) {
    return damaged_idx(path, 3, cat(rank, rank == 1 ? " dimension (labels)" : " dimensions (images)"),
                       cat(found_rank, found_rank == 1 ? " (is it a label file?)" : ""));
  }
  array.data_offset = kMagicBytes + 4 * static_cast<size_t>(rank);
  if (bytes.size() < array.data_offset) {
    return damaged_idx(path, bytes.size(), cat("a header of ", array.data_offset, " bytes"),
                       "the end of the file (truncated)");
  }
  for (int i = 0; i < rank; ++i) array.sizes.push_back(big_endian(bytes, kMagicBytes + 4 * static_cast<size_t>(i)));
  return {};
}

Status check_length(const std::filesystem::path& path, const IdxArray& array) {
  size_t elements = 1;
  for (size_t i = 0; i < array.sizes.size(); ++i) {
    const auto size = static_cast<size_t>(array.sizes[i]);
    if (size == 0 || size > kMaxUnpackedBytes / elements) {
      return damaged_idx(path, kMagicBytes + 4 * i, "sizes from 1 on that fit a data file", product_text(array.sizes));
    }
    elements *= size;
  }
  const size_t expected = array.data_offset + elements;
  const size_t found = array.content.size();
  const std::string what = cat(expected, " bytes (header ", array.data_offset, " + ", product_text(array.sizes), ")");
  if (found < expected)
    return damaged_idx(path, found, what, cat("the end of the file after ", found, " bytes (truncated)"));
  if (found > expected)
    return damaged_idx(path, expected, cat("the end of the file after ", what), cat(found - expected, " more bytes"));
  return {};
}

}  // namespace

Result<IdxArray> read_idx(const std::filesystem::path& path, int rank) {
  auto content = read_possibly_compressed(path);
  if (!content.ok()) return content.status();
  IdxArray array;
  array.content = std::move(*content);
  AUTONORM_RETURN_IF_ERROR(parse_header(path, rank, array));
  AUTONORM_RETURN_IF_ERROR(check_length(path, array));
  array.digest = sha256(array.content);
  return array;
}

Result<RawImages> read_idx_pair(const std::filesystem::path& images, const std::filesystem::path& labels,
                                int64_t classes, Sha256Stream* fingerprint) {
  const auto pixels = read_idx(images, 3);
  if (!pixels.ok()) return pixels.status();
  const auto targets = read_idx(labels, 1);
  if (!targets.ok()) return targets.status();
  const int64_t count = pixels->sizes[0];
  if (targets->sizes[0] != count) {
    return damaged_idx(labels, kMagicBytes, cat(count, " labels, one for each image of ", images.filename().string()),
                       cat(targets->sizes[0]));
  }
  RawImages raw;
  raw.height = pixels->sizes[1];
  raw.width = pixels->sizes[2];
  raw.labels.assign(targets->data(), targets->data() + count);
  const auto wrong = std::ranges::find_if(raw.labels, [&](uint8_t label) { return classes > 0 && label >= classes; });
  if (wrong != raw.labels.end()) {
    const auto index = static_cast<size_t>(wrong - raw.labels.begin());
    return damaged_idx(labels, targets->data_offset + index, cat("a label from 0 to ", classes - 1), cat(int{*wrong}));
  }
  raw.pixels.assign(pixels->data(), pixels->data() + count * raw.pixels_per_image());
  raw.images_digest = pixels->digest;
  raw.labels_digest = targets->digest;
  if (fingerprint != nullptr) {
    fingerprint->update(pixels->content.data(), pixels->content.size());
    fingerprint->update(targets->content.data(), targets->content.size());
  }
  return raw;
}

}  // namespace autonorm::data
