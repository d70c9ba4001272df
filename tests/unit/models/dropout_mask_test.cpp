// The mask of dropout is the same bits from the host's loop and from tensor operations, and has the share asked for.
#include "core/models/dropout_mask.h"

#include <ATen/ops/eq.h>

#include "gtest/gtest.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::models {
namespace {

// Small, large, and with each sign bit.
const std::vector<uint64_t> kKeys{
    0, 1, 0x7FFFFFFFFFFFFFFFULL, 0x8000000000000000ULL, ~uint64_t{0}, 0xDEADBEEFCAFEF00DULL};

TEST(DropoutMask, HostAndDeviceGiveTheSameBits) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    for (const double p : {0.1, 0.3, 0.5, 0.9999999}) {
      for (const int64_t elements : {1, 65, 4096}) {
        const at::Tensor host = dropout_mask_on_host(kKeys, elements, p, dtype);
        const at::Tensor device = dropout_mask_on_device(kKeys, elements, p, dtype, at::kCPU);
        EXPECT_TRUE(norms::same_bits(host, device)) << p << ", " << elements << " elements, " << dtype;
      }
    }
  }
}

TEST(DropoutMask, DropsItsShareAndKeepsTheMean) {
  constexpr int64_t kElements = 100000;
  const at::Tensor mask = dropout_mask_on_host(kKeys, kElements, 0.3, at::kDouble);  // [6, E]
  const double share = mask.eq(0).to(at::kDouble).mean().item<double>();
  // Six standard deviations of 600,000 draws.
  EXPECT_NEAR(share, 0.3, 6 * 0.0006);
  EXPECT_NEAR(mask.mean().item<double>(), 1.0, 6 * 0.0009);
}

TEST(DropoutMask, OfNoSampleIsEmpty) {
  EXPECT_EQ(dropout_mask_on_host({}, 5, 0.3, at::kFloat).numel(), 0);
  EXPECT_EQ(dropout_mask_on_device({}, 5, 0.3, at::kFloat, at::kCPU).numel(), 0);
}

}  // namespace
}  // namespace autonorm::models
