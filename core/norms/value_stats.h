// Mean, deviation and range of a parameter for the norm records.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace autonorm::norms {

// Adds "NAME_mean" and "NAME_std" (population deviation) of all elements, and "NAME_min" and "NAME_max" where there are
// several. Synchronises with the device.
void add_value_stats(std::map<std::string, double>& stats, const std::string& name, const at::Tensor& value);

}  // namespace autonorm::norms
