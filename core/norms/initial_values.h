// Initial values, element by element from RandomStream(seed, "init", full parameter name): a parameter's start depends
// on nothing but seed, name and element, so variants of one seed agree wherever names and shapes do.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "core/norms/parameter_table.h"

namespace autonorm::norms {

// Fills `value` (contiguous, on CPU, float32 or float64) in place. A truncated normal takes, for each element, the
// first of the draws (attempt 0, 1, …) within ±2 deviations. About 60 ns per element.
void fill_initial(at::Tensor& value, const InitSpec& init, uint64_t seed, std::string_view name);

}  // namespace autonorm::norms
