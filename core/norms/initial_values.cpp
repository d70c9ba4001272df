#include "core/norms/initial_values.h"

#include <cmath>

#include "core/base/philox.h"
#include "core/base/status.h"

namespace autonorm::norms {
namespace {

constexpr double kTruncateAt = 2.0;  // standard deviations

double truncated_normal(const RandomStream& stream, uint64_t element) {
  for (uint32_t attempt = 0;; ++attempt) {
    const double draw = stream.normal(element, attempt);
    if (std::abs(draw) <= kTruncateAt) return draw;
  }
}

double initial_element(const InitSpec& init, const RandomStream& stream, uint64_t element) {
  switch (init.kind) {
    case Init::kZeros:
      return 0.0;
    case Init::kOnes:
      return 1.0;
    case Init::kConstant:
      return init.scale;
    case Init::kTruncatedNormal:
      return init.scale * truncated_normal(stream, element);
    case Init::kNormal:
      return init.scale * stream.normal(element);
    case Init::kUniform:
      return init.scale * (2.0 * stream.uniform(element) - 1.0);
  }
  return 0.0;
}

template <class Scalar>
void fill(at::Tensor& value, const InitSpec& init, const RandomStream& stream) {
  auto* data = value.mutable_data_ptr<Scalar>();
  const auto elements = static_cast<uint64_t>(value.numel());
  for (uint64_t i = 0; i < elements; ++i) data[i] = static_cast<Scalar>(initial_element(init, stream, i));
}

}  // namespace

void fill_initial(at::Tensor& value, const InitSpec& init, uint64_t seed, std::string_view name) {
  const RandomStream stream(seed, "init", name);
  if (value.scalar_type() == at::kDouble) {
    fill<double>(value, init, stream);
  } else {
    AUTONORM_CHECK(value.scalar_type() == at::kFloat, "parameters are float32 or float64: ", name);
    fill<float>(value, init, stream);
  }
}

}  // namespace autonorm::norms
