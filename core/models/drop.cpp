#include "core/models/drop.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <vector>

namespace autonorm::models {
namespace {

int64_t global_sample(const norms::StepContext& step, int64_t row) {
  return step.samples != nullptr ? (*step.samples)[static_cast<size_t>(row)] : row;
}

// SplitMix64 (Steele, Lea, Flood 2014): element `index` of the sequence of a key.
uint64_t mixed(uint64_t key, uint64_t index) {
  uint64_t z = key + (index + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// One draw of each sample's sequence per element: 0, or 1 / (1 − p). mask [B, …] on the host
template <class Scalar>
void fill_dropout(at::Tensor& mask, const RandomStream& stream, const norms::StepContext& step, double p) {
  const int64_t batch = mask.size(0), elements = batch == 0 ? 0 : mask.numel() / batch;
  auto* out = mask.mutable_data_ptr<Scalar>();
  const auto limit = static_cast<uint64_t>(p * 4294967296.0);  // of 32-bit words
  const auto kept = static_cast<Scalar>(1.0 / (1.0 - p));
  const auto a = static_cast<uint32_t>(step.step), b = static_cast<uint32_t>(step.micro_batch);
  for (int64_t row = 0; row < batch; ++row, out += elements) {
    const auto sample = static_cast<uint64_t>(global_sample(step, row));
    const uint64_t key =
        (static_cast<uint64_t>(stream.word(2 * sample, a, b)) << 32) | stream.word(2 * sample + 1, a, b);
    for (int64_t i = 0; i < elements; ++i) {
      const uint64_t word = mixed(key, static_cast<uint64_t>(i)) >> 32;
      out[i] = word < limit ? Scalar{0} : kept;
    }
  }
}

}  // namespace

Dropout::Dropout(uint64_t seed, std::string_view name, double p) : stream_(seed, "dropout", name), p_(p) {}

at::Tensor Dropout::operator()(const at::Tensor& x, const norms::StepContext& step) const {
  if (!step.training || p_ == 0.0) return x;
  const bool wide = x.scalar_type() == at::kDouble;
  at::Tensor mask = at::empty(x.sizes(), at::TensorOptions(wide ? at::kDouble : at::kFloat));
  if (wide) {
    fill_dropout<double>(mask, stream_, step, p_);
  } else {
    fill_dropout<float>(mask, stream_, step, p_);
  }
  return x * mask.to(x.device(), x.scalar_type());
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
