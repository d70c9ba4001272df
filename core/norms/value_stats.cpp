#include "core/norms/value_stats.h"

namespace autonorm::norms {

void add_value_stats(std::map<std::string, double>& stats, const std::string& name, const at::Tensor& value) {
  const at::Tensor host = value.detach().to(at::kCPU, at::kDouble);
  stats[name + "_mean"] = host.mean().item<double>();
  stats[name + "_std"] = host.std(/*unbiased=*/false).item<double>();
  if (host.numel() < 2) return;
  stats[name + "_min"] = host.min().item<double>();
  stats[name + "_max"] = host.max().item<double>();
}

}  // namespace autonorm::norms
