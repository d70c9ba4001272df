#include "core/norms/dtn.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/var_mean.h>

#include <cmath>

#include "core/base/status.h"
#include "core/norms/capability.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"

namespace autonorm::norms {
namespace {

int64_t whole_root(int64_t n) { return std::llround(std::floor(std::sqrt(static_cast<double>(n)))); }

// The heads of a k × k grid look at neighbours k × k around a token.
void fill_local(const at::Tensor& weight, int64_t heads) {
  const at::NoGradGuard no_grad;
  const int64_t k = whole_root(heads);
  const double centre = k % 2 == 0 ? static_cast<double>(k - 1) / 2 : static_cast<double>(k / 2);
  for (int64_t h1 = 0; h1 < k; ++h1) {
    for (int64_t h2 = 0; h2 < k; ++h2) {
      const at::Tensor row = weight.select(0, h1 + k * h2);  // [3]
      row.select(0, 2).fill_(-1);
      row.select(0, 1).fill_(2 * (static_cast<double>(h1) - centre));
      row.select(0, 0).fill_(2 * (static_cast<double>(h2) - centre));
    }
  }
}

// [B, (k·g)², C] → [B, g², C]: means over blocks of k × k.
at::Tensor pooled(const at::Tensor& x, int64_t grid, int64_t k) {
  const int64_t batch = x.size(0), channels = x.size(2);
  return x.reshape({batch, grid, k, grid, k, channels}).mean({2, 4}).reshape({batch, grid * grid, channels});
}

// The reverse: each value for its whole block.
at::Tensor repeated(const at::Tensor& x, int64_t grid, int64_t k) {
  const int64_t batch = x.size(0), channels = x.size(2);
  return x.reshape({batch, grid, 1, grid, 1, channels})
      .expand({batch, grid, k, grid, k, channels})
      .reshape({batch, grid * k * grid * k, channels});
}

}  // namespace

Dtn::Dtn(const DtnOptions& options, ParameterTable& table) : options_(options) {
  AUTONORM_CHECK(options_.channels % options_.heads == 0, options_.heads, " heads of ", options_.channels, " channels");
  position_weight_ = table.add("position.weight", {options_.heads, 3}, {Init::kTruncatedNormal, 0.02});
  fill_local(position_weight_.get(), options_.heads);
  position_bias_ = table.add("position.bias", {options_.heads}, {Init::kZeros});
  if (!options_.only_var) mean_mix_ = table.add("mean_mix", {options_.heads}, {Init::kZeros});
  var_mix_ = table.add("var_mix", {options_.heads}, {Init::kZeros});
  affine_ = Affine(table, options_.channels);
}

at::Tensor Dtn::attention(int64_t side, const at::Tensor& like) const {
  const at::Tensor tokens = at::arange(side * side, like.options().dtype(at::kLong));
  const at::Tensor column = tokens.remainder(side).to(like.scalar_type()),
                   row = tokens.floor_divide(side).to(like.scalar_type());
  const at::Tensor dx = column.unsqueeze(0) - column.unsqueeze(1);  // [T, T] from i to j
  const at::Tensor dy = row.unsqueeze(0) - row.unsqueeze(1);
  const at::Tensor offsets = at::stack({dx, dy, dx.square() + dy.square()}, -1);  // [T, T, 3]
  return at::linear(offsets, position_weight_.get(), position_bias_.get()).permute({2, 0, 1}).softmax(1);
}

Dtn::Moments Dtn::positional(const at::Tensor& x) const {
  const int64_t side = whole_root(x.size(1));
  const int64_t k = side <= options_.grid ? 1 : side / options_.grid;
  const int64_t grid = side / k, tokens = grid * grid;
  AUTONORM_CHECK(side * side == x.size(1) && grid * k == side && grid <= options_.grid, x.size(1),
                 " tokens are no square grid that a map of side ", options_.grid, " divides");
  const at::Tensor map = k == 1 ? x : pooled(x, grid, k);  // [B, T, C]
  const at::Tensor heads =
      map.reshape({x.size(0), tokens, options_.heads, options_.channels / options_.heads}).permute({0, 2, 3, 1});
  const at::Tensor share = attention(grid, x);       // [H, T, T]
  const at::Tensor mean = at::matmul(heads, share);  // [B, H, C/H, T]
  const at::Tensor var = (at::matmul(heads.square(), share) - mean.square()).clamp_min(0);
  const auto back = [&](const at::Tensor& value) {
    const at::Tensor flat = value.permute({0, 3, 1, 2}).reshape({x.size(0), tokens, options_.channels});
    return k == 1 ? flat : repeated(flat, grid, k);
  };
  return {.mean = back(mean), .var = back(var)};
}

at::Tensor Dtn::by_head(const ParameterSlot& mix) const {
  const int64_t size = options_.channels / options_.heads;
  return mix.get().sigmoid().unsqueeze(1).expand({options_.heads, size}).reshape({options_.channels});
}

at::Tensor Dtn::forward(const at::Tensor& x, const StepContext& step) {
  refuse_mask(step, "dtn");
  const NoAutocast guard;
  const int64_t batch = x.size(0), tokens = x.size(1);
  const at::Tensor split =
      to_compute(x).reshape({batch, tokens, options_.heads, options_.channels / options_.heads});  // [B, N, H, C/H]
  const at::Tensor scaled =
      (split / (split.square().mean(-1, /*keepdim=*/true) + options_.eps).sqrt()).reshape(x.sizes());
  const auto [own_var, own_mean] = at::var_mean(scaled, {2}, /*unbiased=*/true, /*keepdim=*/true);  // [B, N, 1]
  const bool has_cls = whole_root(tokens) * whole_root(tokens) != tokens;
  const int64_t first = has_cls ? 1 : 0;
  const auto map_of = [&](const at::Tensor& value) { return value.narrow(1, first, tokens - first); };
  const Moments around = positional(map_of(scaled));
  // [B, S², C], with the cls token's own statistics in front
  const auto with_cls = [&](const at::Tensor& own, const at::Tensor& mixed) {
    return has_cls ? at::cat({own.narrow(1, 0, 1).expand({batch, 1, options_.channels}), mixed}, 1) : mixed;
  };
  const at::Tensor var = with_cls(own_var, at::lerp(around.var, map_of(own_var), by_head(var_mix_)));
  const at::Tensor mean =
      options_.only_var ? own_mean : with_cls(own_mean, at::lerp(around.mean, map_of(own_mean), by_head(mean_mix_)));
  return affine_((scaled - mean) / (var + options_.eps).sqrt()).to(x.scalar_type());
}

// A layer norm and the two products with P.
int64_t Dtn::macs(int64_t tokens) const {
  const int64_t side = whole_root(tokens), grid = side <= options_.grid ? side : options_.grid;
  return normalization_macs(options_.channels, tokens, true) + 2 * options_.channels * grid * grid * grid * grid;
}

std::map<std::string, double> Dtn::stats() const {
  std::map<std::string, double> stats;
  affine_.add_stats(stats);
  if (mean_mix_) stats["mean_share"] = mean_mix_.get().detach().sigmoid().mean().item<double>();
  stats["var_share"] = var_mix_.get().detach().sigmoid().mean().item<double>();
  return stats;
}

}  // namespace autonorm::norms
