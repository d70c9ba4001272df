// What the CPU and CUDA kernels of norm_ops.h have in common: contracts, shapes, contiguous copies.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "core/kernels/norm_ops.h"
#include "core/kernels/rows/row_kernels.h"

namespace autonorm::kernels {

inline RowElement row_element(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return RowElement::kFloat32;
    case at::kBFloat16:
      return RowElement::kBFloat16;
    case at::kDouble:
      return RowElement::kFloat64;
    default:
      TORCH_CHECK(false, "fused norms take float32, float64 or bfloat16, not ", x.scalar_type());
  }
}
inline at::ScalarType wide_type(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

// x as [groups, rows, C]; rows of one group share parameters.
struct RowShape {
  int64_t channels, rows, groups;
  int64_t all_rows() const { return rows * groups; }
};

// Checks that `sizes` without its last one leads x's sizes; returns their product.
inline int64_t leading_product(const at::Tensor& x, at::IntArrayRef sizes, const char* name) {
  int64_t product = 1;
  TORCH_CHECK(!sizes.empty() && static_cast<int64_t>(sizes.size()) <= x.dim(), name, " has too many or no dimensions");
  for (size_t d = 0; d + 1 < sizes.size(); ++d) {
    TORCH_CHECK(sizes[d] == x.size(static_cast<int64_t>(d)), name, " ", sizes, " does not lead x ", x.sizes());
    product *= sizes[d];
  }
  return product;
}

inline void check_parameter(const at::Tensor& x, const at::Tensor& p, int64_t last, const char* name) {
  TORCH_CHECK(p.scalar_type() == wide_type(x.scalar_type()), name, " must be ", wide_type(x.scalar_type()), ", not ",
              p.scalar_type());
  TORCH_CHECK(p.device() == x.device(), name, " and x must be on one device");
  TORCH_CHECK(p.dim() > 0 && p.size(-1) == last, name, " ", p.sizes(), " must end in ", last);
}

// `like`: a parameter that says how many groups there are; undefined: one.
inline RowShape row_shape(const at::Tensor& x, const at::Tensor& like) {
  TORCH_CHECK(x.dim() > 0 && x.size(-1) > 0, "fused norms need x [..., C] with C > 0, not ", x.sizes());
  const int64_t groups = like.defined() ? leading_product(x, like.sizes(), "a parameter") : 1;
  const int64_t rows = x.numel() / x.size(-1);
  return {x.size(-1), groups == 0 ? 0 : rows / groups, groups};
}

// A parameter as the kernels want it: contiguous, or undefined.
inline at::Tensor parameter(const at::Tensor& x, const std::optional<at::Tensor>& p, int64_t last, const char* name) {
  if (!p || !p->defined()) return {};
  check_parameter(x, *p, last, name);
  return p->contiguous();
}
inline at::Tensor empty_rows(const at::Tensor& x) {
  return at::empty(x.sizes().slice(0, static_cast<size_t>(x.dim()) - 1), x.options().dtype(wide_type(x.scalar_type())));
}
inline at::Tensor empty_like_contiguous(const at::Tensor& x) { return at::empty(x.sizes(), x.options()); }
inline const void* data(const at::Tensor& t) { return t.defined() ? t.const_data_ptr() : nullptr; }

}  // namespace autonorm::kernels
