#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "core/base/durable_file.h"
#include "core/base/sha256.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/tensor_bytes.h"

namespace autonorm::checkpoint {
namespace {

using nlohmann::ordered_json;

constexpr size_t kAlignment = 8;  // of the first data byte; the header is padded with spaces

// Length and JSON header; tensors follow each other without gaps in the order given.
Result<std::string> make_header(const std::filesystem::path& path, const NamedTensors& tensors,
                                const std::map<std::string, std::string>& metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::set<std::string> names{"__metadata__"};
  size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto word = dtype_word(tensor.scalar_type());
    if (!word)
      return invalid(path.string(), ": tensor '", name,
                     "' has a dtype that safetensors cannot hold: ", c10::toString(tensor.scalar_type()));
    if (!names.insert(name).second) return invalid(path.string(), ": two tensors are called '", name, "'");
    const size_t end = offset + tensor.nbytes();
    header[name] = {{"dtype", *word}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const uint64_t length = text.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  return out + text;
}

}  // namespace

Result<WrittenFile> write_tensor_file(const std::filesystem::path& path, const NamedTensors& tensors,
                                      const std::map<std::string, std::string>& metadata) {
  const auto header = make_header(path, tensors, metadata);
  if (!header.ok()) return header.status();
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.valid()) return system_error("cannot create " + path.string(), errno);
  Sha256Stream hash;
  WrittenFile written;
  const auto put = [&](std::string_view bytes) {
    hash.update(bytes.data(), bytes.size());
    written.bytes += static_cast<int64_t>(bytes.size());
    return write_all(file.get(), bytes, path.string());
  };
  AUTONORM_RETURN_IF_ERROR(put(*header));
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor host = on_host(tensor);
    const auto bytes = bytes_of(host);
    AUTONORM_RETURN_IF_ERROR(put({bytes.data(), bytes.size()}));
  }
  if (fsync(file.get()) != 0) return system_error("cannot sync " + path.string(), errno);
  written.sha256 = hash.finish();
  return written;
}

Status write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  if (const auto written = write_tensor_file(temporary, tensors, metadata); !written.ok()) {
    unlink(temporary.c_str());
    return written.status();
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return system_error("cannot rename " + temporary.string(), errno);
  return sync_path(path.has_parent_path() ? path.parent_path() : ".");
}

}  // namespace autonorm::checkpoint
