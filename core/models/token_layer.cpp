#include "core/models/token_layer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/matmul.h>

#include <cmath>

#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"

namespace autonorm::models {
namespace {

constexpr double kPerformerEps = 1e-8;
constexpr LinearInit kSplitInit = LinearInit::kTruncatedNormal;

// In place: orthonormal rows times √m. QR's signs are those of a positive diagonal, so that the result does not depend
// on the library.
void orthogonalise(const at::Tensor& w) {
  const at::NoGradGuard no_grad;
  const auto [q, r] = at::linalg_qr(w.to(at::kDouble).t());  // [E, m], [m, m]
  const at::Tensor signs = r.diagonal().sign();
  w.copy_((q * signs).t() * std::sqrt(static_cast<double>(w.size(0))));
}

}  // namespace

SplitLayer::SplitLayer(const TokenLayerOptions& options, const config::TrialConfig& config, NormSites& norms,
                       norms::ParameterTable& table)
    : options_(options),
      norm1_(norms.add(config, "token", "norm1", options.in, options.tokens, table)),
      norm2_(norms.add(config, "token", "norm2", options.out, options.tokens, table)),
      kqv_(table, "attn.kqv", options.in, 3 * options.out, kSplitInit,
           options.kqv_bias || options.kind == config::TokenLayer::kPerformer),
      proj_(table, "attn.proj", options.out, options.out, kSplitInit),
      fc1_(table, "mlp.fc1", options.out, options.out, kSplitInit),
      fc2_(table, "mlp.fc2", options.out, options.out, kSplitInit) {
  if (options_.kind != config::TokenLayer::kPerformer) return;
  random_ = table.add("features", {features(), options_.out}, {norms::Init::kNormal, 1.0}, /*trainable=*/false);
  orthogonalise(random_.get());
}

at::Tensor SplitLayer::kernel(const at::Tensor& x) const {
  const at::Tensor half = x.square().sum(-1, /*keepdim=*/true) / 2;  // [B, T, 1]
  return (at::matmul(x, random_.get().t()) - half).exp() / std::sqrt(static_cast<double>(features()));
}

at::Tensor SplitLayer::attend(const at::Tensor& k, const at::Tensor& q, const at::Tensor& v) const {
  if (options_.kind == config::TokenLayer::kTransformer) {
    const at::Tensor scores = at::matmul(q, k.transpose(1, 2)) / std::sqrt(static_cast<double>(options_.in));
    return at::matmul(scores.softmax(-1), v);
  }
  const norms::NoAutocast guard;                                                          // exponentials
  const at::Tensor kp = kernel(norms::to_compute(k)), qp = kernel(norms::to_compute(q));  // [B, T, m]
  const at::Tensor weight = at::matmul(qp, kp.sum(1).unsqueeze(2));                       // [B, T, 1]
  const at::Tensor sums = at::matmul(kp.transpose(1, 2), norms::to_compute(v));           // [B, m, E]
  return (at::matmul(qp, sums) / (weight + kPerformerEps)).to(v.scalar_type());
}

at::Tensor SplitLayer::operator()(const at::Tensor& x, const NormSites& norms, const norms::StepContext& step) const {
  const std::vector<at::Tensor> parts = kqv_(norms.apply(norm1_, x, step)).chunk(3, -1);
  const bool performer = options_.kind == config::TokenLayer::kPerformer;
  // The two layers of the published code take their thirds in different orders.
  const at::Tensor &k = performer ? parts[0] : parts[1], &q = performer ? parts[1] : parts[0], &v = parts[2];
  const at::Tensor y = v + proj_(attend(k, q, v));  // [B, T, E]
  return y + fc2_(at::gelu(fc1_(norms.apply(norm2_, y, step))));
}

void SplitLayer::add_fold_sites(const std::string& scope, const NormSites& norms, std::vector<FoldSite>& sites) const {
  norms.add_fold_site(norm1_, {scope + ".attn.kqv"}, sites);
  norms.add_fold_site(norm2_, {scope + ".mlp.fc1"}, sites);
}

int64_t SplitLayer::macs() const {
  const int64_t t = options_.tokens, e = options_.out, m = features();
  const int64_t linears = norms::linear_macs(options_.in, 3 * e, t) + 3 * norms::linear_macs(e, e, t);
  if (options_.kind == config::TokenLayer::kTransformer) return linears + 2 * t * t * e;
  return linears + 2 * norms::linear_macs(e, m, t) + 2 * norms::linear_macs(m, e, t) + t * m;
}

}  // namespace autonorm::models
