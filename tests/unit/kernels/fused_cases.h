// The fused norms as a table: name, shapes of the parameters, fused and composed function of (x, parameters...).
#pragma once
#include <ATen/TensorOperators.h>

#include <functional>
#include <string>
#include <vector>

#include "core/kernels/composed_norms.h"
#include "core/kernels/norms.h"

namespace autonorm::kernels {

using Tensors = std::vector<at::Tensor>;

struct FusedCase {
  std::string name;
  // Shapes of x's companions for x [B, N, C]: the gate of a blend first.
  std::function<std::vector<std::vector<int64_t>>(int64_t batch, int64_t channels)> shapes;
  std::function<at::Tensor(const at::Tensor&x, const Tensors&p)> fused, composed;
  // The same for companions that have an element for each of x's, the gate two: [B, N, C] and [B, N, C, 2]. A gradient
  // is then a term of the sum that the companion's own gradient is.
  std::function<at::Tensor(const at::Tensor& x, const Tensors& p)> spread;
};

inline std::vector<FusedCase> fused_cases() {
  using Shapes = std::vector<std::vector<int64_t>>;
  const auto blend = [](const Tensors& p) {
    return BlendParameters{
        .alpha = p[1], .dyt_weight = p[2], .dyt_bias = p[3], .layer_weight = p[4], .layer_bias = p[5], .eps = 1e-5};
  };
  return {
      {"layer",
       [](int64_t, int64_t c) {
         return Shapes{{c}, {c}};
       },
       [](const auto& x, const Tensors& p) { return layer_norm(x, p[0], p[1], 1e-5); },
       [](const auto& x, const Tensors& p) { return composed::layer_norm(x, p[0], p[1], 1e-5); },
       [](const auto& x, const Tensors& p) { return composed::layer_norm(x, {}, {}, 1e-5) * p[0] + p[1]; }},
      {"layer_plain", [](int64_t, int64_t) { return Shapes{}; },
       [](const auto& x, const Tensors&) { return layer_norm(x, {}, {}, 1e-5); },
       [](const auto& x, const Tensors&) { return composed::layer_norm(x, {}, {}, 1e-5); },
       [](const auto& x, const Tensors&) { return composed::layer_norm(x, {}, {}, 1e-5); }},
      {"rms", [](int64_t, int64_t c) { return Shapes{{c}}; },
       [](const auto& x, const Tensors& p) { return rms_norm(x, p[0], 1e-6); },
       [](const auto& x, const Tensors& p) { return composed::rms_norm(x, p[0], 1e-6); },
       [](const auto& x, const Tensors& p) { return composed::rms_norm(x, {}, 1e-6) * p[0]; }},
      {"dyt",
       [](int64_t, int64_t c) {
         return Shapes{{1}, {c}, {c}};
       },
       [](const auto& x, const Tensors& p) { return dyt(x, p[0], p[1], p[2]); },
       [](const auto& x, const Tensors& p) { return composed::dyt(x, p[0], p[1], p[2]); },
       [](const auto& x, const Tensors& p) { return composed::dyt(x, p[0], p[1], p[2]); }},
      {"dyt_plain", [](int64_t, int64_t) { return Shapes{{1}}; },
       [](const auto& x, const Tensors& p) { return dyt(x, p[0], {}, {}); },
       [](const auto& x, const Tensors& p) { return composed::dyt(x, p[0], {}, {}); },
       [](const auto& x, const Tensors& p) { return composed::dyt(x, p[0], {}, {}); }},
      {"dyt_without_bias",
       [](int64_t, int64_t c) {
         return Shapes{{1}, {c}};
       },
       [](const auto& x, const Tensors& p) { return dyt(x, p[0], p[1], {}); },
       [](const auto& x, const Tensors& p) { return composed::dyt(x, p[0], p[1], {}); },
       [](const auto& x, const Tensors& p) { return composed::dyt(x, p[0], p[1], {}); }},
      {"derf",
       [](int64_t, int64_t c) {
         return Shapes{{1}, {1}, {c}, {c}};
       },
       [](const auto& x, const Tensors& p) { return derf(x, p[0], p[1], p[2], p[3]); },
       [](const auto& x, const Tensors& p) { return composed::derf(x, p[0], p[1], p[2], p[3]); },
       [](const auto& x, const Tensors& p) { return composed::derf(x, p[0], p[1], p[2], p[3]); }},
      {"derf_without_shift",
       [](int64_t, int64_t c) {
         return Shapes{{1}, {c}, {c}};
       },
       [](const auto& x, const Tensors& p) { return derf(x, p[0], {}, p[1], p[2]); },
       [](const auto& x, const Tensors& p) { return composed::derf(x, p[0], {}, p[1], p[2]); },
       [](const auto& x, const Tensors& p) { return composed::derf(x, p[0], {}, p[1], p[2]); }},
      {"blend",
       [](int64_t b, int64_t c) {
         return Shapes{{b, 2}, {1}, {c}, {c}, {c}, {c}};
       },
       [=](const auto& x, const Tensors& p) { return layer_dyt_blend(x, p[0], blend(p)); },
       [=](const auto& x, const Tensors& p) { return composed::layer_dyt_blend(x, p[0], blend(p)); },
       [](const auto& x, const Tensors& p) {
         const at::Tensor layer = composed::layer_norm(x, {}, {}, 1e-5) * p[4] + p[5];
         return p[0].select(3, 0) * composed::dyt(x, p[1], p[2], p[3]) + p[0].select(3, 1) * layer;
       }},
  };
}

}  // namespace autonorm::kernels
