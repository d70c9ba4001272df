#include "core/data/compressed_file.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "core/base/durable_file.h"

namespace autonorm::data {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr size_t kOutputStep = size_t{1} << 20;

struct InflateEnd {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};
using Inflate = std::unique_ptr<z_stream, InflateEnd>;

Status damaged_packing(const std::filesystem::path& path, size_t offset, std::string_view expected,
                       std::string_view found) {
  return invalid(path.string(), ": damaged at byte ", offset, " of the compressed file: expected ", expected,
                 ", found ", found, "; fetch the file again");
}

// Unpacks one gzip member that starts at `offset`; moves `offset` behind it.
Status unpack_member(const std::filesystem::path& path, std::string_view packed, size_t max_bytes, size_t& offset,
                     std::string& out) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK)
    return internal("zlib could not start");  // 15: window bits, +16: gzip wrapper
  const Inflate guard(&stream);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + offset));
  stream.avail_in = static_cast<uInt>(std::min<size_t>(packed.size() - offset, UINT32_MAX));
  const auto position = [&] {
    return static_cast<size_t>(reinterpret_cast<const char*>(stream.next_in) - packed.data());
  };
  while (true) {
    const size_t done = out.size();
    out.resize(done + kOutputStep);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    stream.avail_out = kOutputStep;
    const int code = inflate(&stream, Z_NO_FLUSH);
    out.resize(done + kOutputStep - stream.avail_out);
    if (out.size() > max_bytes) {
      return invalid(path.string(), ": unpacks to more than ", max_bytes, " bytes, the largest data file allowed");
    }
    if (code == Z_STREAM_END) break;
    if (code == Z_OK && stream.avail_in > 0) continue;
    if (code == Z_OK && stream.avail_out == 0) continue;
    if (code == Z_OK || code == Z_BUF_ERROR) {
      return damaged_packing(path, packed.size(), "more compressed data", "the end of the file (truncated)");
    }
    return damaged_packing(path, position(), "valid gzip data", stream.msg != nullptr ? stream.msg : "an unknown code");
  }
  offset = position();
  return {};
}

}  // namespace

Result<std::string> read_possibly_compressed(const std::filesystem::path& path, size_t max_bytes) {
  auto packed = read_file(path);
  if (!packed.ok()) return packed.status();
  if (packed->substr(0, kGzipMagic.size()) != kGzipMagic) {
    if (packed->size() > max_bytes)
      return invalid(path.string(), ": ", packed->size(), " bytes; at most ", max_bytes, " are allowed");
    return packed;
  }
  std::string out;
  size_t offset = 0;
  while (offset < packed->size()) {
    if (std::string_view(*packed).substr(offset, kGzipMagic.size()) != kGzipMagic) {
      return damaged_packing(path, offset, "the end of the file or another gzip member",
                             cat(packed->size() - offset, " bytes of something else"));
    }
    AUTONORM_RETURN_IF_ERROR(unpack_member(path, *packed, max_bytes, offset, out));
  }
  return out;
}

}  // namespace autonorm::data
