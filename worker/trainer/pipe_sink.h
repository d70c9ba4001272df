// What a trial reports, as events to the worker agent.
#pragma once
#include "core/train/run_trial.h"
#include "worker/trainer/event_channel.h"
#include "worker/trainer/progress.h"

namespace autonorm::trainer {

// Only the leader of a gang speaks of metrics, norm statistics and checkpoints; the other ranks only have a progress.
class PipeSink final : public train::ProgressSink {
 public:
  PipeSink(EventChannel& channel, Progress& progress, bool leads)
      : channel_(channel), progress_(progress), leads_(leads) {}

  void phase(const std::string& phase) override;
  void progress(int64_t step, int64_t total_steps, double loss, double samples_per_s) override;
  void metrics(const std::vector<train::MetricPoint>& points) override;
  void norm_stats(int64_t step, const std::map<std::string, std::map<std::string, double>>& by_site) override;
  void checkpoint(int64_t step, const std::filesystem::path& folder) override;

 private:
  EventChannel& channel_;
  Progress& progress_;
  const bool leads_;
};

}  // namespace autonorm::trainer
