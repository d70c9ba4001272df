// What a tensor is made of when it is stored or hashed: dtype word of safetensors, shape, little-endian row-major
// bytes.
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <span>
#include <string_view>

namespace autonorm::checkpoint {

// "F32", "BF16", …; nullopt for a dtype that safetensors does not know.
std::optional<std::string_view> dtype_word(at::ScalarType type);
std::optional<at::ScalarType> dtype_of_word(std::string_view word);

// A contiguous CPU copy, or the tensor itself when it already is one.
at::Tensor on_host(const at::Tensor& tensor);
// The bytes of a tensor from on_host(); valid as long as the tensor.
std::span<const char> bytes_of(const at::Tensor& tensor);

}  // namespace autonorm::checkpoint
