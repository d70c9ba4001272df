// The numbers of Dropout (drop.h): element i of a sample with 64-bit key k is dropped where the upper half of
// SplitMix64(k, i) (Steele, Lea, Flood 2014) is below p · 2³².  Both functions give the same bits; the caller has one
// key per sample of the batch.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace autonorm::models {

// One loop on the host. → [B, elements], 0 or 1 / (1 − p), `dtype` float32 or float64
at::Tensor dropout_mask_on_host(const std::vector<uint64_t>& keys, int64_t elements, double p, at::ScalarType dtype);

// Tensor operations on `device`: only the keys travel there, 8 bytes a sample, where a mask made on the host would be
// as large as the activations.
at::Tensor dropout_mask_on_device(const std::vector<uint64_t>& keys, int64_t elements, double p, at::ScalarType dtype,
                                  at::Device device);

}  // namespace autonorm::models
