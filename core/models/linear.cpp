#include "core/models/linear.h"

#include <cmath>

#include "core/kernels/linear.h"

namespace autonorm::models {
namespace {

norms::InitSpec weight_init(LinearInit init, int64_t in, int64_t out) {
  switch (init) {
    case LinearInit::kTruncatedNormal:
      return {norms::Init::kTruncatedNormal, 0.02};
    case LinearInit::kUniformFanIn:
    case LinearInit::kUniformNoBias:
      return {norms::Init::kUniform, 1.0 / std::sqrt(static_cast<double>(in))};
    case LinearInit::kXavier:
    case LinearInit::kXavierConv:
      return {norms::Init::kUniform, std::sqrt(6.0 / static_cast<double>(in + out))};
  }
  return {};
}

norms::InitSpec bias_init(LinearInit init, int64_t in) {
  if (init != LinearInit::kUniformFanIn && init != LinearInit::kXavierConv) return {norms::Init::kZeros};
  return {norms::Init::kUniform, 1.0 / std::sqrt(static_cast<double>(in))};
}

}  // namespace

Linear::Linear(norms::ParameterTable& table, std::string_view name, int64_t in, int64_t out, LinearInit init,
               bool bias) {
  const norms::ParameterTable::Scope scope(table, name);
  weight_ = table.add("weight", {out, in}, weight_init(init, in, out));
  if (bias) bias_ = table.add("bias", {out}, bias_init(init, in));
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return kernels::linear(x, weight_.get(), bias_ ? std::optional(bias_.get()) : std::nullopt);
}

}  // namespace autonorm::models
