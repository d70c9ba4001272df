// SHA-256 (FIPS 180-4) through OpenSSL.
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm {

Sha256 sha256(std::string_view bytes);
// Streams the file; kNotFound or a system error that names it.
Result<Sha256> sha256_file(const std::filesystem::path& path);

// Incremental form. Not thread-safe.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void update(const void* data, size_t bytes);
  Sha256 finish();  // once; the stream is spent afterwards

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace autonorm
