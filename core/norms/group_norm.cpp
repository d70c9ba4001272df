#include "core/norms/group_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/var_mean.h>

#include "core/base/status.h"
#include "core/norms/capability.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"

namespace autonorm::norms {

GroupNorm::GroupNorm(const GroupNormOptions& options, ParameterTable& table) : options_(options) {
  AUTONORM_CHECK(options_.channels % options_.groups == 0, options_.groups, " groups of ", options_.channels,
                 " channels");
  affine_ = Affine(table, options_.channels, affine_parts(options_.affine));
}

at::Tensor GroupNorm::forward(const at::Tensor& x, const StepContext& step) {
  refuse_mask(step, "group");
  const NoAutocast guard;
  const int64_t size = options_.channels / options_.groups;
  const at::Tensor grouped = to_compute(x).reshape({x.size(0), x.size(1), options_.groups, size});  // [B, N, G, C/G]
  const auto [var, mean] = at::var_mean(grouped, {1, 3}, /*unbiased=*/false, /*keepdim=*/true);     // [B, 1, G, 1]
  const at::Tensor y = ((grouped - mean) * (var + options_.eps).rsqrt()).reshape(x.sizes());
  return affine_(y).to(x.scalar_type());
}

int64_t GroupNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, options_.affine); }

std::map<std::string, double> GroupNorm::stats() const {
  std::map<std::string, double> stats;
  affine_.add_stats(stats);
  return stats;
}

}  // namespace autonorm::norms
