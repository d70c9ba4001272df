#include "core/models/linear.h"

#include <cmath>

#include "core/kernels/linear.h"

namespace autonorm::models {

Linear::Linear(norms::ParameterTable& table, std::string_view name, int64_t in, int64_t out, LinearInit init,
               bool bias) {
  const norms::ParameterTable::Scope scope(table, name);
  const bool uniform = init == LinearInit::kUniformFanIn;
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));
  weight_ = table.add(
      "weight", {out, in},
      uniform ? norms::InitSpec{norms::Init::kUniform, bound} : norms::InitSpec{norms::Init::kTruncatedNormal, 0.02});
  if (!bias) return;
  bias_ = table.add("bias", {out},
                    uniform ? norms::InitSpec{norms::Init::kUniform, bound} : norms::InitSpec{norms::Init::kZeros});
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return kernels::linear(x, weight_.get(), bias_ ? std::optional(bias_.get()) : std::nullopt);
}

}  // namespace autonorm::models
