#include "core/norms/prepbn.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "core/norms/compute_dtype.h"
#include "core/norms/layer_norm.h"
#include "core/norms/rms_norm.h"

namespace autonorm::norms {
namespace {

// `part`'s entries under "NAME.".
void add_under(std::map<std::string, double>& stats, const std::string& name, const Norm& part) {
  for (const auto& [key, value] : part.stats()) stats[name + "." + key] = value;
}

std::unique_ptr<Norm> make_first(const PrepbnOptions& options, ParameterTable& table) {
  if (options.first == config::PrepbnFirst::kRms) {
    const ParameterTable::Scope scope(table, "rms");
    return std::make_unique<RmsNorm>(RmsNormOptions{.channels = options.channels, .eps = options.eps}, table);
  }
  const ParameterTable::Scope scope(table, "ln");
  return std::make_unique<LayerNorm>(LayerNormOptions{.channels = options.channels, .eps = options.eps}, table);
}

}  // namespace

Prepbn::Prepbn(const PrepbnOptions& options, ParameterTable& table) : options_(options) {
  first_ = make_first(options, table);
  {
    const ParameterTable::Scope scope(table, "bn");
    const size_t weight = table.parameters().size();
    bn_ = std::make_unique<BatchNorm>(BatchNormOptions{.channels = options.channels,
                                                       .eps = options.eps,
                                                       .momentum = options.momentum,
                                                       .statistics = options.statistics},
                                      table);
    const at::NoGradGuard no_grad;
    table.parameters().at(weight).value.fill_(options.batch_weight0);
  }
  eta_ = table.add("eta", {1}, {Init::kConstant, options.eta0});
  iters_ = table.add_counter("iters");
  table.add_stateful(*this);
}

int64_t Prepbn::counts() const { return iters_.get().item<int64_t>() / options_.count_every; }

double Prepbn::layer_share() const {
  const int64_t counted = std::max<int64_t>(0, counts() - options_.warmup_iters);
  const int64_t left = std::max<int64_t>(0, options_.decay_iters - counted);
  return options_.lambda_start * static_cast<double>(left) / static_cast<double>(options_.decay_iters);
}

at::Tensor Prepbn::rep_bn(const at::Tensor& x, const StepContext& step) {
  return bn_->forward(x, step) + x * eta_.get();
}

at::Tensor Prepbn::forward(const at::Tensor& x, const StepContext& step) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);  // [B, N, C]
  if (!step.training) return rep_bn(wide, step).to(x.scalar_type());
  const bool warm = counts() < options_.warmup_iters;
  const double share = warm ? 1.0 : layer_share();
  ++*iters_.get().mutable_data_ptr<int64_t>();
  // Both stay in the graph at shares 0 and 1, so that every parameter has a gradient at every step.
  StepContext inner = step;
  if (warm) inner.training = false;
  return (first_->forward(wide, step) * share + rep_bn(wide, inner) * (1 - share)).to(x.scalar_type());
}

// Of RepBN, which evaluation always is.
std::optional<Fold> Prepbn::fold() const {
  const at::NoGradGuard no_grad;
  const Fold batch = *bn_->fold();
  return Fold{.scale = batch.scale + eta_.get(), .shift = batch.shift};
}

int64_t Prepbn::macs(int64_t tokens) const { return first_->macs(tokens) + bn_->macs(tokens); }

std::map<std::string, double> Prepbn::stats() const {
  std::map<std::string, double> stats;
  add_under(stats, options_.first == config::PrepbnFirst::kRms ? "rms" : "ln", *first_);
  add_under(stats, "bn", *bn_);
  stats["eta"] = eta_.get().item<double>();
  stats["lambda"] = counts() < options_.warmup_iters ? 1.0 : layer_share();
  return stats;
}

}  // namespace autonorm::norms
