// The operators of norm_ops.h on CUDA.
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "core/kernels/blend_ops_on.h"
#include "core/kernels/norm_rows_cuda.h"

namespace autonorm::kernels {
namespace {

struct Cuda {
  static constexpr int64_t kBlendSums = 5;  // blend_rows.cu
  using Guard = c10::cuda::CUDAGuard;
  static bool streams(const at::Tensor&) { return false; }

  template <class Arguments>
  static void forward(const RowShape& shape, Arguments arguments) {
    for (int64_t group = 0; group < shape.groups; ++group) {
      C10_CUDA_CHECK(launch_forward(arguments(group), group * shape.rows, (group + 1) * shape.rows,
                                    c10::cuda::getCurrentCUDAStream()));
    }
  }

  template <class Arguments>
  static at::Tensor backward(const RowShape& shape, int64_t length, at::TensorOptions wide, Arguments arguments) {
    const auto stream = c10::cuda::getCurrentCUDAStream();
    const int64_t workers = cuda_workers(shape.rows, shape.channels);
    at::Tensor sums = at::empty({shape.groups, length}, wide), partials = at::empty({workers, length}, wide);
    for (int64_t group = 0; group < shape.groups; ++group) {
      const auto a = arguments(group);
      C10_CUDA_CHECK(
          launch_backward(a, group * shape.rows, (group + 1) * shape.rows, partials.mutable_data_ptr(), stream));
      auto* out =
          static_cast<char*>(sums.mutable_data_ptr()) + group * length * static_cast<int64_t>(sums.element_size());
      C10_CUDA_CHECK(launch_sum(a.type, partials.const_data_ptr(), workers, length, out, stream));
    }
    return sums;
  }

  static void add_rows_of_samples(const at::Tensor& row_gate, int64_t rows_per_sample, at::Tensor& out) {
    C10_CUDA_CHECK(launch_sum_samples(row_element(row_gate), row_gate.const_data_ptr(), rows_per_sample,
                                      out.numel() / 2, out.mutable_data_ptr(), c10::cuda::getCurrentCUDAStream()));
  }
};

TORCH_LIBRARY_IMPL(autonorm, CUDA, library) {
  NormOps<Cuda>::add_to(library);
  BlendOps<Cuda>::add_to(library);
}

}  // namespace
}  // namespace autonorm::kernels
