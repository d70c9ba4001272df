#include "core/checkpoint/safetensors_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

namespace autonorm::checkpoint {
namespace {

using nlohmann::json;

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr int kMaxHeaderDepth = 3;                 // header, tensor, shape; deeper nesting could exhaust the stack
constexpr size_t kShown = 80;                      // of a wrong value, in messages

constexpr auto kElementBytes = std::to_array<std::pair<std::string_view, uint64_t>>({
    {"F64", 8},
    {"F32", 4},
    {"F16", 2},
    {"BF16", 2},
    {"I64", 8},
    {"I32", 4},
    {"I16", 2},
    {"I8", 1},
    {"U8", 1},
    {"BOOL", 1},
});

Status damaged(const std::string& file, const std::string& what) {
  return invalid(file, ": damaged safetensors file: ", what);
}

std::string shown(const json& value) {
  std::string text = value.dump();
  if (text.size() > kShown) text = text.substr(0, kShown) + "…";
  return text;
}

// Unsigned integers only: JSON numbers may also be negative, fractional or too large.
bool read_numbers(const json& value, std::vector<uint64_t>& out) {
  if (!value.is_array()) return false;
  for (const auto& item : value) {
    if (!item.is_number_unsigned()) return false;
    out.push_back(item.get<uint64_t>());
  }
  return true;
}

// elements × bytes per element, or nullopt when it exceeds `limit`.
std::optional<uint64_t> byte_size(const std::vector<uint64_t>& shape, uint64_t element, uint64_t limit) {
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  uint64_t bytes = element;
  for (const uint64_t size : shape) {
    if (bytes > limit / size) return std::nullopt;
    bytes *= size;
  }
  return bytes;
}

Status read_entry(const std::string& file, const std::string& name, const json& value, uint64_t data_bytes,
                  TensorEntry& entry) {
  const std::string where = "tensor '" + name + "': ";
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets")) {
    return damaged(file, where + "expected dtype, shape and data_offsets");
  }
  const auto dtype = value["dtype"].is_string() ? value["dtype"].get<std::string>() : "";
  const auto element = element_bytes(dtype);
  if (!element) return damaged(file, where + "expected a dtype such as \"F32\", found " + shown(value["dtype"]));
  std::vector<uint64_t> shape, offsets;
  if (!read_numbers(value["shape"], shape))
    return damaged(file, where + "expected a shape of whole numbers, found " + shown(value["shape"]));
  if (!read_numbers(value["data_offsets"], offsets) || offsets.size() != 2 || offsets[0] > offsets[1] ||
      offsets[1] > data_bytes) {
    return damaged(file, cat(where, "expected data_offsets [begin, end] within the ", data_bytes, " data bytes, found ",
                             shown(value["data_offsets"])));
  }
  const auto bytes = byte_size(shape, *element, data_bytes);
  if (!bytes || *bytes != offsets[1] - offsets[0]) {
    return damaged(file, cat(where, "shape ", shown(value["shape"]), " of ", shown(value["dtype"]),
                             " does not fill data_offsets ", shown(value["data_offsets"])));
  }
  entry = {name, dtype, std::vector<int64_t>(shape.begin(), shape.end()), offsets[0], offsets[1]};
  return {};
}

Result<json> read_header(std::string_view bytes, const std::string& file, uint64_t& header_bytes) {
  if (bytes.size() < kLengthBytes)
    return damaged(file, cat("expected at least 8 bytes, found ", bytes.size(), " (truncated)"));
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - kLengthBytes) {
    return damaged(file, cat("byte 0: a header of ", header_bytes, " bytes does not fit the file of ", bytes.size(),
                             " bytes (truncated?)"));
  }
  const char* begin = bytes.data() + kLengthBytes;
  const auto not_too_deep = [](int depth, json::parse_event_t, json&) { return depth <= kMaxHeaderDepth; };
  auto header = json::parse(begin, begin + header_bytes, not_too_deep, /*allow_exceptions=*/false);
  if (!header.is_object()) return damaged(file, "byte 8: the header is no JSON object");
  return header;
}

// Entries in the order of their data, which must follow each other without gap or overlap and fill the file.
Result<std::vector<TensorEntry>> read_entries(const json& header, const std::string& file, uint64_t data_bytes) {
  std::vector<TensorEntry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") continue;
    TensorEntry entry;
    AUTONORM_RETURN_IF_ERROR(read_entry(file, name, value, data_bytes, entry));
    entries.push_back(std::move(entry));
  }
  std::ranges::stable_sort(entries, {}, [](const TensorEntry& entry) { return std::pair(entry.begin, entry.end); });
  uint64_t expected = 0;
  for (const TensorEntry& entry : entries) {
    if (entry.begin != expected) {
      return damaged(file, cat("tensor '", entry.name, "': expected its data at offset ", expected, ", found ",
                               entry.begin, entry.begin < expected ? " (overlaps the one before)" : " (a gap)"));
    }
    expected = entry.end;
  }
  if (expected != data_bytes) return damaged(file, cat("expected ", expected, " data bytes, found ", data_bytes));
  return entries;
}

}  // namespace

std::optional<uint64_t> element_bytes(std::string_view dtype) {
  const auto it = std::ranges::find(kElementBytes, dtype, &std::pair<std::string_view, uint64_t>::first);
  return it == kElementBytes.end() ? std::nullopt : std::optional(it->second);
}

Result<TensorDirectory> read_tensor_directory(std::string_view bytes, const std::string& file) {
  uint64_t header_bytes = 0;
  const auto header = read_header(bytes, file, header_bytes);
  if (!header.ok()) return header.status();
  TensorDirectory directory;
  directory.data_offset = kLengthBytes + header_bytes;
  auto entries = read_entries(*header, file, bytes.size() - directory.data_offset);
  if (!entries.ok()) return entries.status();
  directory.entries = std::move(entries).value();
  return directory;
}

}  // namespace autonorm::checkpoint
