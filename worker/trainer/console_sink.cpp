#include "worker/trainer/console_sink.h"

#include <cinttypes>

namespace autonorm::trainer {

void ConsoleSink::phase(const std::string& phase) {
  if (quiet_ || phase == phase_) return;
  phase_ = phase;
  // Training shows itself by its steps.
  if (phase != "training") std::fprintf(out_, "%s\n", phase.c_str());
}

void ConsoleSink::progress(int64_t step, int64_t total_steps, double loss, double samples_per_s) {
  if (quiet_) return;
  std::fprintf(out_, "step %" PRId64 "/%" PRId64 "  loss %.4f  %.0f samples/s\n", step, total_steps, loss,
               samples_per_s);
}

void ConsoleSink::metrics(const std::vector<train::MetricPoint>& points) {
  if (quiet_) return;
  for (const auto& point : points) {
    // The training curve is in the step lines already.
    if (!point.metric.starts_with("train/"))
      std::fprintf(out_, "%s %.4f at step %" PRId64 "\n", point.metric.c_str(), point.value, point.step);
  }
}

void ConsoleSink::checkpoint(int64_t step, const std::filesystem::path& folder) {
  if (!quiet_) std::fprintf(out_, "checkpoint of step %" PRId64 ": %s\n", step, folder.c_str());
}

}  // namespace autonorm::trainer
