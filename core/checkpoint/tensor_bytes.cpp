#include "core/checkpoint/tensor_bytes.h"

#include <array>
#include <bit>
#include <utility>

namespace autonorm::checkpoint {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are stored as they lie in memory");

constexpr auto kDtypes = std::to_array<std::pair<at::ScalarType, std::string_view>>({
    {at::kDouble, "F64"},
    {at::kFloat, "F32"},
    {at::kHalf, "F16"},
    {at::kBFloat16, "BF16"},
    {at::kLong, "I64"},
    {at::kInt, "I32"},
    {at::kShort, "I16"},
    {at::kChar, "I8"},
    {at::kByte, "U8"},
    {at::kBool, "BOOL"},
});

}  // namespace

std::optional<std::string_view> dtype_word(at::ScalarType type) {
  for (const auto& [known, word] : kDtypes) {
    if (known == type) return word;
  }
  return std::nullopt;
}

std::optional<at::ScalarType> dtype_of_word(std::string_view word) {
  for (const auto& [type, known] : kDtypes) {
    if (known == word) return type;
  }
  return std::nullopt;
}

at::Tensor on_host(const at::Tensor& tensor) { return tensor.detach().to(at::kCPU).contiguous(); }

std::span<const char> bytes_of(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), static_cast<size_t>(tensor.nbytes())};
}

}  // namespace autonorm::checkpoint
