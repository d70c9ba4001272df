// The dispatcher operators behind norms.h. Shapes here are wider, for vmap: parameters [G..., C], alpha and shift
// [G..., 1], gate [S..., 2], where the sizes G and S are leading sizes of x; slice g of x uses slice g of the
// parameters. mean and rstd have x's shape without C. A gradient has the shape of what it belongs to.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <tuple>

namespace autonorm::kernels {

// One in each file that registers something about these operators: a call makes the linker take the file. They do
// nothing.
void keep_norm_autograd();
void keep_norm_batching();
void keep_norm_ops_cpu();

}  // namespace autonorm::kernels

namespace autonorm::kernels::ops {

using at::Tensor;
using MaybeTensor = std::optional<at::Tensor>;
using Two = std::tuple<Tensor, Tensor>;
using Three = std::tuple<Tensor, Tensor, Tensor>;
using Four = std::tuple<Tensor, Tensor, Tensor, Tensor>;
using Five = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;
using Seven = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

// Each struct: the operator's name and C++ signature.
struct LayerNorm {
  static constexpr const char* kName = "autonorm::layer_norm";
  using Signature = Three(const Tensor& x, const MaybeTensor& weight, const MaybeTensor& bias, double eps);
};
struct LayerNormBackward {
  static constexpr const char* kName = "autonorm::layer_norm_backward";
  using Signature = Three(const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                          const MaybeTensor& weight);
};
struct RmsNorm {
  static constexpr const char* kName = "autonorm::rms_norm";
  using Signature = Two(const Tensor& x, const MaybeTensor& weight, double eps);
};
struct RmsNormBackward {
  static constexpr const char* kName = "autonorm::rms_norm_backward";
  using Signature = Two(const Tensor& dy, const Tensor& x, const Tensor& rstd, const MaybeTensor& weight);
};
struct Dyt {
  static constexpr const char* kName = "autonorm::dyt";
  using Signature = Tensor(const Tensor& x, const Tensor& alpha, const MaybeTensor& weight, const MaybeTensor& bias);
};
struct DytBackward {
  static constexpr const char* kName = "autonorm::dyt_backward";
  using Signature = Four(const Tensor& dy, const Tensor& x, const Tensor& alpha, const MaybeTensor& weight);
};
struct Derf {
  static constexpr const char* kName = "autonorm::derf";
  using Signature = Tensor(const Tensor& x, const Tensor& alpha, const MaybeTensor& shift, const MaybeTensor& weight,
                           const MaybeTensor& bias);
};
struct DerfBackward {
  static constexpr const char* kName = "autonorm::derf_backward";
  using Signature = Five(const Tensor& dy, const Tensor& x, const Tensor& alpha, const MaybeTensor& shift,
                         const MaybeTensor& weight);
};
struct Blend {
  static constexpr const char* kName = "autonorm::layer_dyt_blend";
  using Signature = Three(const Tensor& x, const Tensor& gate, const Tensor& alpha, const Tensor& dyt_weight,
                          const Tensor& dyt_bias, const MaybeTensor& layer_weight, const MaybeTensor& layer_bias,
                          double eps);
};
struct BlendBackward {
  static constexpr const char* kName = "autonorm::layer_dyt_blend_backward";
  // dx, dgate, dalpha, d dyt_weight, d dyt_bias, d layer_weight, d layer_bias
  using Signature = Seven(const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd, const Tensor& gate,
                          const Tensor& alpha, const Tensor& dyt_weight, const Tensor& dyt_bias,
                          const MaybeTensor& layer_weight, const MaybeTensor& layer_bias);
};

template <class Op>
const c10::TypedOperatorHandle<typename Op::Signature>& handle() {
  static const auto found =
      c10::Dispatcher::singleton().findSchemaOrThrow(Op::kName, "").template typed<typename Op::Signature>();
  return found;
}

}  // namespace autonorm::kernels::ops
