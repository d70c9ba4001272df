#include "core/norms/gate_noise.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace autonorm::norms {
namespace {

// One sample's numbers: consecutive elements of the sequence (step, micro-batch); evaluation counts micro-batches from
// the other end, so that it shares no number with training.
struct SampleNoise {
  SampleNoise(const RandomStream& stream, const StepContext& step, int64_t row, int64_t per_sample)
      : stream(stream), a(static_cast<uint32_t>(step.step)) {
    const auto micro = static_cast<uint32_t>(step.micro_batch);
    b = step.training ? micro : std::numeric_limits<uint32_t>::max() - micro;
    const int64_t sample = step.samples != nullptr ? (*step.samples)[static_cast<size_t>(row)] : row;
    first = static_cast<uint64_t>(sample) * static_cast<uint64_t>(per_sample);
  }
  double uniform(int64_t element) const { return stream.uniform(first + static_cast<uint64_t>(element), a, b); }

  const RandomStream& stream;
  uint32_t a = 0, b = 0;
  uint64_t first = 0;
};

}  // namespace

at::Tensor GateNoise::gumbel(const StepContext& step, int64_t batch, int64_t positions, int64_t branches) const {
  at::Tensor noise = at::empty({batch, positions, branches}, at::TensorOptions(at::kDouble));
  auto* out = noise.mutable_data_ptr<double>();
  for (int64_t row = 0; row < batch; ++row) {
    const SampleNoise sample(stream_, step, row, positions * branches);
    for (int64_t k = 0; k < positions * branches; ++k) *out++ = -std::log(-std::log(sample.uniform(k)));
  }
  return noise;
}

at::Tensor GateNoise::simplex(const StepContext& step, int64_t batch, int64_t positions, int64_t branches) const {
  at::Tensor noise = at::empty({batch, positions, branches}, at::TensorOptions(at::kDouble));
  auto* out = noise.mutable_data_ptr<double>();
  std::vector<double> cuts(static_cast<size_t>(branches) + 1);
  for (int64_t row = 0; row < batch; ++row) {
    const SampleNoise sample(stream_, step, row, positions * branches);
    for (int64_t position = 0; position < positions; ++position) {
      // The gaps between branches − 1 uniform cuts of [0, 1] are uniform on the simplex.
      cuts.front() = 0.0;
      cuts.back() = 1.0;
      for (int64_t k = 1; k < branches; ++k) cuts[static_cast<size_t>(k)] = sample.uniform(position * branches + k - 1);
      std::sort(cuts.begin(), cuts.end());
      for (size_t k = 1; k < cuts.size(); ++k) *out++ = cuts[k] - cuts[k - 1];
    }
  }
  return noise;
}

}  // namespace autonorm::norms
