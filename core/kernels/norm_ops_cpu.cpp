// The operators of norm_ops.h on CPU.
#include "core/kernels/blend_ops_on.h"
#include "core/kernels/row_driver.h"

namespace autonorm::kernels {
namespace {

// Adds up the rows of each sample, in order.
template <class Wide>
void add_rows_of_samples(const at::Tensor& row_gate, int64_t rows_per_sample, at::Tensor& dgate) {
  const Wide* from = row_gate.const_data_ptr<Wide>();
  Wide* to = dgate.mutable_data_ptr<Wide>();
  for (int64_t sample = 0; sample < dgate.numel() / 2; ++sample, to += 2) {
    Wide dyt = 0, layer = 0;
    for (int64_t row = 0; row < rows_per_sample; ++row, from += 2) {
      dyt += from[0];
      layer += from[1];
    }
    to[0] = dyt;
    to[1] = layer;
  }
}

struct Cpu {
  static constexpr int64_t kBlendSums = kernels::kBlendSums;
  struct Guard {
    explicit Guard(at::Device) {}
  };
  static bool streams(const at::Tensor& out) {
    constexpr int64_t kAlignment = 64;  // bytes; each row must start there
    return out.size(-1) * static_cast<int64_t>(out.element_size()) % kAlignment == 0 &&
           reinterpret_cast<uintptr_t>(out.const_data_ptr()) % kAlignment == 0 &&
           larger_than_caches(static_cast<int64_t>(out.nbytes()));
  }
  template <class Arguments>
  static void forward(const RowShape& shape, Arguments arguments) {
    using Kind = decltype(arguments(int64_t{0}));
    run_forward(shape, arguments, kernel_of(static_cast<const Kind*>(nullptr)));
  }
  template <class Arguments>
  static at::Tensor backward(const RowShape& shape, int64_t length, at::TensorOptions wide, Arguments arguments) {
    using Kind = decltype(arguments(int64_t{0}));
    return run_backward(shape, length, wide, arguments, kernel_of(static_cast<const Kind*>(nullptr)));
  }
  static void add_rows_of_samples(const at::Tensor& row_gate, int64_t rows_per_sample, at::Tensor& out) {
    out.scalar_type() == at::kDouble ? kernels::add_rows_of_samples<double>(row_gate, rows_per_sample, out)
                                     : kernels::add_rows_of_samples<float>(row_gate, rows_per_sample, out);
  }
};

TORCH_LIBRARY_IMPL(autonorm, CPU, library) {
  NormOps<Cpu>::add_to(library);
  BlendOps<Cpu>::add_to(library);
}

}  // namespace

void keep_norm_ops_cpu() {}

}  // namespace autonorm::kernels
