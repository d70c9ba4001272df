#include "worker/trainer/pipe_sink.h"

#include <algorithm>

namespace autonorm::trainer {
namespace {

constexpr size_t kPointsPerEvent = 10'000;  // keeps a line far below kMaxControlLine

}  // namespace

void PipeSink::phase(const std::string& phase) { progress_.set_phase(phase); }

void PipeSink::progress(int64_t step, int64_t total_steps, double loss, double samples_per_s) {
  progress_.set_step(step, total_steps, loss, samples_per_s);
}

void PipeSink::metrics(const std::vector<train::MetricPoint>& points) {
  if (!leads_) return;
  for (size_t begin = 0; begin < points.size(); begin += kPointsPerEvent) {
    worker::MetricsEvent event;
    for (size_t i = begin; i < std::min(points.size(), begin + kPointsPerEvent); ++i) {
      event.points.push_back({.metric = points[i].metric, .step = points[i].step, .value = points[i].value});
    }
    channel_.send(event);
  }
}

void PipeSink::norm_stats(int64_t step, const std::map<std::string, std::map<std::string, double>>& by_site) {
  if (!leads_) return;
  for (const auto& [site, values] : by_site)
    channel_.send(worker::NormStatEvent{.site = site, .step = step, .values = values});
}

void PipeSink::checkpoint(int64_t step, const std::filesystem::path& folder) {
  if (leads_) channel_.send(worker::CheckpointEvent{.step = step, .directory = folder.string()});
}

}  // namespace autonorm::trainer
