// What a trial reports, as lines for people.
#pragma once
#include <cstdio>

#include "core/train/run_trial.h"

namespace autonorm::trainer {

class ConsoleSink final : public train::ProgressSink {
 public:
  // Writes to `out`, which must outlive the sink. `quiet`: nothing at all.
  ConsoleSink(std::FILE* out, bool quiet) : out_(out), quiet_(quiet) {}

  void phase(const std::string& phase) override;
  void progress(int64_t step, int64_t total_steps, double loss, double samples_per_s) override;
  void metrics(const std::vector<train::MetricPoint>& points) override;
  void norm_stats(int64_t, const std::map<std::string, std::map<std::string, double>>&) override {}
  void checkpoint(int64_t step, const std::filesystem::path& folder) override;

 private:
  std::FILE* const out_;
  const bool quiet_;
  std::string phase_;
};

}  // namespace autonorm::trainer
