#include "core/kernels/gather_normalize.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <array>

namespace autonorm::kernels {
namespace {

// The formula for each of the 256 possible pixels.
std::array<float, 256> normalized_values(double scale) {
  const auto divisor = static_cast<float>(scale);
  std::array<float, 256> values{};
  for (size_t pixel = 0; pixel < values.size(); ++pixel)
    values[pixel] = (static_cast<float>(pixel) / divisor - 0.5F) / 0.5F;
  return values;
}

template <class Element>
void gather(const at::Tensor& images, const at::Tensor& indices, double scale, at::Tensor& out) {
  std::array<Element, 256> table;
  const auto values = normalized_values(scale);
  for (size_t pixel = 0; pixel < table.size(); ++pixel) table[pixel] = static_cast<Element>(values[pixel]);
  const int64_t count = images.size(0);
  const int64_t pixels = count == 0 ? 0 : images.numel() / count;
  const auto* source = images.const_data_ptr<uint8_t>();
  const auto* index = indices.const_data_ptr<int64_t>();
  auto* target = out.data_ptr<Element>();
  for (int64_t i = 0; i < indices.numel(); ++i, target += pixels) {
    TORCH_CHECK_INDEX(index[i] >= 0 && index[i] < count, "gather_normalize: index ", index[i], " of ", count,
                      " images");
    const uint8_t* image = source + index[i] * pixels;
    for (int64_t p = 0; p < pixels; ++p) target[p] = table[image[p]];
  }
}

at::Tensor gather_normalize_cpu(const at::Tensor& images, const at::Tensor& indices, double scale,
                                at::ScalarType dtype) {
  TORCH_CHECK(images.dim() == 4 && images.scalar_type() == at::kByte,
              "gather_normalize: images must be [N, C, H, W] uint8");
  TORCH_CHECK(indices.dim() == 1 && indices.scalar_type() == at::kLong, "gather_normalize: indices must be [B] int64");
  TORCH_CHECK(scale > 0, "gather_normalize: scale must be > 0, not ", scale);
  const auto from = images.contiguous();
  const auto which = indices.contiguous();
  at::Tensor out = at::empty({which.size(0), from.size(1), from.size(2), from.size(3)}, from.options().dtype(dtype));
  switch (dtype) {
    case at::kFloat:
      gather<float>(from, which, scale, out);
      break;
    case at::kBFloat16:
      gather<at::BFloat16>(from, which, scale, out);
      break;
    default:
      TORCH_CHECK(false, "gather_normalize: dtype must be float32 or bfloat16, not ", dtype);
  }
  return out;
}

TORCH_LIBRARY(autonorm, library) {
  library.def("gather_normalize(Tensor images, Tensor indices, float scale, ScalarType dtype) -> Tensor");
}
TORCH_LIBRARY_IMPL(autonorm, CPU, library) { library.impl("gather_normalize", gather_normalize_cpu); }

}  // namespace

at::Tensor gather_normalize(const at::Tensor& images, const at::Tensor& indices, double scale, at::ScalarType dtype) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("autonorm::gather_normalize", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, double, at::ScalarType)>();
  return op.call(images, indices, scale, dtype);
}

}  // namespace autonorm::kernels
