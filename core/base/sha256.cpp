#include "core/base/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <vector>

namespace autonorm {

namespace {

// Looking an algorithm up costs more than hashing a short text.
const EVP_MD* algorithm() {
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kSha256;
}

}  // namespace

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  AUTONORM_CHECK(state_->context != nullptr && EVP_DigestInit_ex(state_->context, algorithm(), nullptr) == 1,
                 "OpenSSL has no SHA-256");
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(const void* data, size_t bytes) {
  AUTONORM_CHECK(EVP_DigestUpdate(state_->context, data, bytes) == 1, "EVP_DigestUpdate");
}

Sha256 Sha256Stream::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  AUTONORM_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &length) == 1, "EVP_DigestFinal_ex");
  return Sha256(to_hex(std::span(digest.data(), length)));
}

Sha256 sha256(std::string_view bytes) {
  Sha256Stream stream;
  stream.update(bytes.data(), bytes.size());
  return stream.finish();
}

Result<Sha256> sha256_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return system_error(cat("opening ", path.string()), errno);
  Sha256Stream stream;
  std::vector<char> buffer(1 << 20);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    stream.update(buffer.data(), static_cast<size_t>(in.gcount()));
  }
  if (in.bad()) return system_error(cat("reading ", path.string()), errno);
  return stream.finish();
}

}  // namespace autonorm
