// Small tensors for norm tests, filled from a named random stream.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstring>
#include <string_view>

#include "core/base/philox.h"

namespace autonorm::norms {

inline constexpr uint64_t kTestSeed = 7;

// Standard normal values; the same name gives the same values.
inline at::Tensor random_tensor(std::string_view name, at::IntArrayRef shape, at::ScalarType dtype = at::kFloat) {
  const RandomStream stream(kTestSeed, "test", name);
  at::Tensor values = at::empty(shape, at::TensorOptions(at::kDouble));
  for (int64_t i = 0; i < values.numel(); ++i) {
    values.mutable_data_ptr<double>()[i] = stream.normal(static_cast<uint64_t>(i));
  }
  return values.to(dtype);
}

// Same dtype, shape and every bit.
inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const at::Tensor left = a.contiguous(), right = b.contiguous();
  return std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == 0 ? 0.0 : a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace autonorm::norms
