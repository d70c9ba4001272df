#include "core/models/masking.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

namespace autonorm::models {

Masking::Masking(uint64_t seed, int64_t patches, double ratio)
    : stream_(seed, "mask", "patches"),
      patches_(patches),
      kept_(static_cast<int64_t>(static_cast<double>(patches) * (1.0 - ratio))) {}

Mask Masking::draw(const norms::StepContext& step, int64_t batch, const at::TensorOptions& like) const {
  const at::TensorOptions whole(at::kLong);
  at::Tensor kept = at::empty({batch, kept_}, whole), restore = at::empty({batch, patches_}, whole);
  at::Tensor hidden = at::empty({batch, patches_}, at::TensorOptions(at::kFloat));
  auto* kept_out = kept.mutable_data_ptr<int64_t>();
  auto* restore_out = restore.mutable_data_ptr<int64_t>();
  auto* hidden_out = hidden.mutable_data_ptr<float>();
  // Evaluation counts micro-batches from the other end, so that it shares no noise with training.
  const auto micro = static_cast<uint32_t>(step.micro_batch);
  const uint32_t a = static_cast<uint32_t>(step.step),
                 b = step.training ? micro : std::numeric_limits<uint32_t>::max() - micro;
  const auto n = static_cast<size_t>(patches_);
  std::vector<uint32_t> noise(n);
  std::vector<int64_t> order(n);
  for (int64_t row = 0; row < batch; ++row, kept_out += kept_, restore_out += patches_, hidden_out += patches_) {
    const auto sample =
        static_cast<uint64_t>(step.samples != nullptr ? (*step.samples)[static_cast<size_t>(row)] : row);
    for (size_t i = 0; i < n; ++i) noise[i] = stream_.word(sample * n + i, a, b);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t left, int64_t right) {
      return noise[static_cast<size_t>(left)] < noise[static_cast<size_t>(right)];
    });
    std::copy_n(order.begin(), kept_, kept_out);
    for (int64_t place = 0; place < patches_; ++place) {
      const int64_t patch = order[static_cast<size_t>(place)];
      restore_out[patch] = place;
      hidden_out[patch] = place < kept_ ? 0.0F : 1.0F;
    }
  }
  const at::Device device = like.device();
  return {.kept = kept.to(device), .restore = restore.to(device), .hidden = hidden.to(like)};
}

}  // namespace autonorm::models
