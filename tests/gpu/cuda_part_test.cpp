// The CUDA part: what can be said of it without a GPU, and on a GPU its kernels and NCCL. Tests that need a GPU skip
// without one.
#include "core/kernels/cuda_part.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "core/distributed/process_gang.h"
#include "core/kernels/gather_normalize.h"
#include "core/models/dropout_mask.h"
#include "gmock/gmock.h"
#include "tests/gpu/on_gpu.h"

namespace autonorm::kernels {
namespace {

using testing::HasSubstr;

class OnGpu : public testing::Test {
 protected:
  void SetUp() override { skip_without_gpu(); }
  const at::Device gpu_ = at::Device(at::kCUDA, 0);
};

TEST(CudaPart, LoadsWithoutAGpu) {
  if (!std::filesystem::exists(kCudaLibrary))
    GTEST_SKIP() << kCudaLibrary << " does not exist: built without the CUDA toolkit";
  const auto loaded = load_cuda_part(kCudaLibrary);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ((*loaded)->version, kCudaPartVersion);
  EXPECT_GE((*loaded)->device_count(), 0);
}

TEST(CudaPart, AMissingLibraryTellsTheRemedy) {
  const auto loaded = load_cuda_part("/nonexistent/libautonorm_cuda.so");
  ASSERT_EQ(loaded.status().code(), Code::kNotFound);
  EXPECT_THAT(loaded.status().message(), HasSubstr("Install it"));
}

TEST(CudaPart, AnotherLibraryIsRefused) {
  const auto loaded = load_cuda_part("/lib/x86_64-linux-gnu/libz.so.1");
  if (loaded.status().code() == Code::kNotFound) GTEST_SKIP() << "no libz at Debian's place";
  EXPECT_EQ(loaded.status().code(), Code::kConflict);
}

TEST_F(OnGpu, DropoutMaskHasTheBitsOfTheHost) {
  const std::vector<uint64_t> keys{0, 0x8000000000000001ULL, 0xDEADBEEFCAFEF00DULL};
  const at::Tensor found = models::dropout_mask_on_device(keys, 4099, 0.3, at::kFloat, gpu_);
  EXPECT_TRUE(found.is_cuda());
  EXPECT_TRUE(at::equal(found.cpu(), models::dropout_mask_on_host(keys, 4099, 0.3, at::kFloat)));
}

TEST_F(OnGpu, GatherEqualsTheCpuBitForBit) {
  for (const int64_t width : {8, 7, 28}) {  // by four pixels, one by one, by four
    const at::Tensor images =
        at::arange(50 * 3 * width, at::kInt).remainder(256).to(at::kByte).reshape({50, 1, 3, width});
    const at::Tensor indices = at::arange(49, -1, -3, at::kLong);
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor expected = gather_normalize(images, indices, 255.0, dtype);
      const at::Tensor found = gather_normalize(images.to(gpu_), indices.to(gpu_), 255.0, dtype);
      EXPECT_TRUE(found.is_cuda());
      EXPECT_TRUE(at::equal(found.cpu(), expected)) << "width " << width << ", " << dtype;
    }
  }
}

TEST_F(OnGpu, AnEmptyBatchKeepsItsShape) {
  const at::Tensor images = at::empty({5, 1, 8, 8}, at::TensorOptions(gpu_).dtype(at::kByte));
  const at::Tensor none = at::empty({0}, at::TensorOptions(gpu_).dtype(at::kLong));
  EXPECT_EQ(gather_normalize(images, none, 16.0, at::kFloat).sizes(), (std::vector<int64_t>{0, 1, 8, 8}));
}

TEST_F(OnGpu, NcclReducesGradientsOfAGangOfOne) {
  const auto store = c10::make_intrusive<c10d::HashStore>();
  const auto group =
      part()->make_nccl_group(store, {.rank = 0, .size = 1, .device = 0, .timeout = std::chrono::minutes(1)});
  const auto gang = distributed::make_gang(group, gpu_);
  at::Tensor sum = at::full({3}, 2.0, at::TensorOptions(gpu_));
  gang->all_reduce_sum(sum);
  gang->broadcast(sum, 0);
  gang->barrier();
  EXPECT_TRUE(at::equal(sum.cpu(), at::full({3}, 2.0)));
  at::Tensor w = at::full({4}, 1.0, at::TensorOptions(gpu_)).requires_grad_(true);
  const auto reducer = gang->make_reducer({w});
  for (int step = 0; step < 3; ++step) {
    w.mutable_grad() = at::Tensor();
    reducer->prepare_last_micro_batch();
    w.mul(3.0).sum().backward();
    reducer->finish();
    EXPECT_TRUE(at::equal(w.grad().cpu(), at::full({4}, 3.0))) << "step " << step;
  }
}

TEST_F(OnGpu, PeakMemoryIsCounted) {
  part()->reset_peak_memory(0);
  const int64_t before = part()->peak_memory_bytes(0);
  const at::Tensor block = at::empty({1 << 20}, at::TensorOptions(gpu_).dtype(at::kFloat));
  EXPECT_GE(part()->peak_memory_bytes(0), before + (4 << 20));
}

}  // namespace
}  // namespace autonorm::kernels
