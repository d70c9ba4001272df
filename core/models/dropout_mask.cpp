#include "core/models/dropout_mask.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

#include <algorithm>

namespace autonorm::models {
namespace {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ULL, kFirst = 0xBF58476D1CE4E5B9ULL, kSecond = 0x94D049BB133111EBULL;

uint64_t mixed(uint64_t key, uint64_t index) {
  uint64_t z = key + (index + 1) * kGolden;
  z = (z ^ (z >> 30)) * kFirst;
  z = (z ^ (z >> 27)) * kSecond;
  return z ^ (z >> 31);
}

// Tensors have no unsigned 64-bit arithmetic; sums and products wrap to the same bits.
int64_t as_signed(uint64_t bits) { return static_cast<int64_t>(bits); }

// z >> bits as if z were unsigned.
at::Tensor shifted(const at::Tensor& z, int64_t bits) {
  return z.bitwise_right_shift(bits).bitwise_and_(as_signed(~uint64_t{0} >> static_cast<unsigned>(bits)));
}

int64_t limit_of(double p) { return static_cast<int64_t>(p * 4294967296.0); }  // of 32-bit words

template <class Scalar>
void fill(at::Tensor& mask, const std::vector<uint64_t>& keys, double p) {
  const int64_t elements = mask.size(1);
  auto* out = mask.mutable_data_ptr<Scalar>();
  const auto limit = static_cast<uint64_t>(limit_of(p));
  const auto kept = static_cast<Scalar>(1.0 / (1.0 - p));
  for (const uint64_t key : keys) {
    for (int64_t i = 0; i < elements; ++i) {
      *out++ = (mixed(key, static_cast<uint64_t>(i)) >> 32) < limit ? Scalar{0} : kept;
    }
  }
}

}  // namespace

at::Tensor dropout_mask_on_host(const std::vector<uint64_t>& keys, int64_t elements, double p, at::ScalarType dtype) {
  at::Tensor mask = at::empty({static_cast<int64_t>(keys.size()), elements}, at::TensorOptions(dtype));
  dtype == at::kDouble ? fill<double>(mask, keys, p) : fill<float>(mask, keys, p);
  return mask;
}

at::Tensor dropout_mask_on_device(const std::vector<uint64_t>& keys, int64_t elements, double p, at::ScalarType dtype,
                                  at::Device device) {
  const at::NoGradGuard no_grad;
  at::Tensor host = at::empty({static_cast<int64_t>(keys.size()), 1}, at::TensorOptions(at::kLong));
  std::ranges::transform(keys, host.mutable_data_ptr<int64_t>(), as_signed);
  const at::Tensor places = at::arange(1, elements + 1, at::TensorOptions(at::kLong).device(device));  // [E]
  at::Tensor z = host.to(device) + places.mul(as_signed(kGolden));                                     // [B, E]
  z.bitwise_xor_(shifted(z, 30)).mul_(as_signed(kFirst));
  z.bitwise_xor_(shifted(z, 27)).mul_(as_signed(kSecond));
  z.bitwise_xor_(shifted(z, 31));
  return shifted(z, 32).ge_(limit_of(p)).to(dtype).mul_(1.0 / (1.0 - p));
}

}  // namespace autonorm::models
