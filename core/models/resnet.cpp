#include "core/models/resnet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>

#include <cmath>

namespace autonorm::models {
namespace {

// Every second row and column when the map shrinks; zeros in the new channels.
at::Tensor shortcut(const at::Tensor& x, int64_t channels, int64_t stride) {
  const at::Tensor map = stride == 1 ? x : x.slice(2, 0, std::nullopt, stride).slice(3, 0, std::nullopt, stride);
  const int64_t more = channels - x.size(1);
  if (more == 0) return map;
  return at::constant_pad_nd(map, {0, 0, 0, 0, more / 2, more - more / 2});
}

}  // namespace

Result<std::unique_ptr<Model>> Resnet::make(const config::TrialConfig& config, const InputShape& input,
                                            at::ScalarType dtype) {
  if (config.model.depth < 8 || (config.model.depth - 2) % 6 != 0) {
    return invalid("model.depth = ", config.model.depth, " is not 6n + 2; allowed: 8, 14, 20, 26, 32, …");
  }
  return std::unique_ptr<Model>(new Resnet(config, input, dtype));
}

Resnet::Resnet(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
    : Model(config, input, dtype) {
  Map map{.channels = input.channels, .height = input.height, .width = input.width};
  stem_ = add_conv("stem_conv", model_.width, 1, map);
  stem_norm_ = norms_.add(config, "stem", map.channels, map.positions(), table_);
  for (int64_t stage = 0; stage < 3; ++stage) {
    for (int64_t i = 0; i < (model_.depth - 2) / 6; ++i) {
      const norms::ParameterTable::Scope scope(table_, cat("stages.", stage, ".", i));
      blocks_.push_back(add_block(config, model_.width << stage, stage > 0 && i == 0 ? 2 : 1, map));
    }
  }
  head_.emplace(table_, "head", map.channels, input.classes, LinearInit::kUniformFanIn);
  macs_ += map.channels * input.classes;
}

Resnet::Conv Resnet::add_conv(const char* name, int64_t out, int64_t stride, Map& map) {
  const norms::ParameterTable::Scope scope(table_, name);
  const double deviation = std::sqrt(2.0 / static_cast<double>(9 * map.channels));
  const Conv conv{.weight = table_.add("weight", {out, map.channels, 3, 3}, {norms::Init::kNormal, deviation}),
                  .bias = model_.conv_bias ? table_.add("bias", {out}, {norms::Init::kZeros}) : norms::ParameterSlot(),
                  .stride = stride};
  const int64_t in = map.channels;
  map = {.channels = out, .height = (map.height - 1) / stride + 1, .width = (map.width - 1) / stride + 1};
  macs_ += 9 * in * out * map.positions();
  return conv;
}

Resnet::ResidualBlock Resnet::add_block(const config::TrialConfig& config, int64_t out, int64_t stride, Map& map) {
  ResidualBlock block;
  block.conv1 = add_conv("conv1", out, stride, map);
  block.norm1 = norms_.add(config, "block", "norm1", out, map.positions(), table_);
  block.conv2 = add_conv("conv2", out, 1, map);
  block.norm2 = norms_.add(config, "block", "norm2", out, map.positions(), table_);
  return block;
}

at::Tensor Resnet::convolved(const Conv& conv, const at::Tensor& x) {
  const std::optional<at::Tensor> bias = conv.bias ? std::optional(conv.bias.get()) : std::nullopt;
  return at::conv2d(x, conv.weight.get(), bias, conv.stride, /*padding=*/1);
}

at::Tensor Resnet::run_block(const ResidualBlock& block, const at::Tensor& x, const norms::StepContext& step) const {
  at::Tensor y = norms_.apply_map(block.norm1, convolved(block.conv1, x), step).relu();
  y = norms_.apply_map(block.norm2, convolved(block.conv2, y), step);
  return (shortcut(x, y.size(1), block.conv1.stride) + y).relu();
}

at::Tensor Resnet::forward(const at::Tensor& images, const norms::StepContext& step) {
  at::Tensor x = norms_.apply_map(stem_norm_, convolved(stem_, images), step).relu();
  for (const ResidualBlock& block : blocks_) x = run_block(block, x, step);
  return (*head_)(x.mean({2, 3}));
}

std::vector<FoldSite> Resnet::fold_sites() const {
  std::vector<FoldSite> sites;
  norms_.add_fold_site_behind(stem_norm_, "stem_conv", sites);
  const size_t per_stage = blocks_.size() / 3;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const std::string scope = cat("stages.", i / per_stage, ".", i % per_stage);
    norms_.add_fold_site_behind(blocks_[i].norm1, scope + ".conv1", sites);
    norms_.add_fold_site_behind(blocks_[i].norm2, scope + ".conv2", sites);
  }
  return sites;
}

}  // namespace autonorm::models
