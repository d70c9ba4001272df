#include "core/models/positions.h"

#include <ATen/ops/empty.h>

#include <cmath>

namespace autonorm::models {

at::Tensor sincos_positions(int64_t rows, int64_t columns, int64_t dim) {
  at::Tensor positions = at::empty({rows * columns, dim}, at::TensorOptions(at::kDouble));
  auto* out = positions.mutable_data_ptr<double>();
  const int64_t quarter = dim / 4;
  const auto fill_axis = [&](int64_t place) {
    for (int64_t part = 0; part < 2; ++part) {
      for (int64_t i = 0; i < quarter; ++i) {
        const double omega = std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(quarter));
        const double angle = static_cast<double>(place) * omega;
        *out++ = part == 0 ? std::sin(angle) : std::cos(angle);
      }
    }
  };
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      fill_axis(column);
      fill_axis(row);
    }
  }
  return positions;
}

at::Tensor sinusoid_positions(int64_t tokens, int64_t dim) {
  at::Tensor positions = at::empty({tokens, dim}, at::TensorOptions(at::kDouble));
  auto* out = positions.mutable_data_ptr<double>();
  for (int64_t token = 0; token < tokens; ++token) {
    for (int64_t c = 0; c < dim; ++c) {
      const double exponent = static_cast<double>(2 * (c / 2)) / static_cast<double>(dim);
      const double angle = static_cast<double>(token) / std::pow(10000.0, exponent);
      *out++ = c % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  }
  return positions;
}

}  // namespace autonorm::models
