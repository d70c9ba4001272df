#include "core/models/drop.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <vector>

#include "core/models/dropout_mask.h"

namespace autonorm::models {
namespace {

int64_t global_sample(const norms::StepContext& step, int64_t row) {
  return step.samples != nullptr ? (*step.samples)[static_cast<size_t>(row)] : row;
}

}  // namespace

Dropout::Dropout(uint64_t seed, std::string_view name, double p) : stream_(seed, "dropout", name), p_(p) {}

at::Tensor Dropout::operator()(const at::Tensor& x, const norms::StepContext& step) const {
  if (!step.training || p_ == 0.0) return x;
  const int64_t batch = x.size(0), elements = batch == 0 ? 0 : x.numel() / batch;
  const auto a = static_cast<uint32_t>(step.step), b = static_cast<uint32_t>(step.micro_batch);
  std::vector<uint64_t> keys;  // [B]
  keys.reserve(static_cast<size_t>(batch));
  for (int64_t row = 0; row < batch; ++row) {
    const auto sample = static_cast<uint64_t>(global_sample(step, row));
    keys.push_back((static_cast<uint64_t>(stream_.word(2 * sample, a, b)) << 32) | stream_.word(2 * sample + 1, a, b));
  }
  const auto dtype = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor mask = x.device().is_cpu() ? dropout_mask_on_host(keys, elements, p_, dtype)
                                              : dropout_mask_on_device(keys, elements, p_, dtype, x.device());
  return x * mask.view(x.sizes()).to(x.scalar_type());
}

DropPath::DropPath(uint64_t seed, std::string_view name, double p) : stream_(seed, "droppath", name), p_(p) {}

at::Tensor DropPath::operator()(const at::Tensor& x, const norms::StepContext& step) const {
  if (!step.training || p_ == 0.0) return x;
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  at::Tensor mask = at::empty(shape, at::TensorOptions(at::kDouble));  // [B, 1, …] on the host
  auto* out = mask.mutable_data_ptr<double>();
  const auto a = static_cast<uint32_t>(step.step), b = static_cast<uint32_t>(step.micro_batch);
  for (int64_t row = 0; row < x.size(0); ++row) {
    const double draw = stream_.uniform(static_cast<uint64_t>(global_sample(step, row)), a, b);
    out[row] = draw < p_ ? 0.0 : 1.0 / (1.0 - p_);
  }
  return x * mask.to(x.device(), x.scalar_type());
}

double drop_path_rate(double last, int64_t index, int64_t depth) {
  return depth < 2 ? last : last * static_cast<double>(index) / static_cast<double>(depth - 1);
}

}  // namespace autonorm::models
