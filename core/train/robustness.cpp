#include "core/train/robustness.h"

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/data/corruption.h"

namespace autonorm::train {

void judge_corrupted(std::map<std::string, double>& results, TrialLoop& loop, const data::Dataset& data,
                     const config::DataConfig& config) {
  if (config.corruptions.empty()) return;
  const int64_t first = config.severity == 0 ? 1 : config.severity;
  const int64_t last = config.severity == 0 ? data::kSeverities : config.severity;
  double total = 0;
  for (const config::Corruption corruption : config.corruptions) {
    double sum = 0;
    for (int64_t severity = first; severity <= last; ++severity) {
      sum +=
          loop.evaluate(data::corrupted_split(data.test, data.scale, corruption, config.corruption_scale, severity), 1)
              .accuracy();
    }
    const double accuracy = sum / static_cast<double>(last - first + 1);
    results[cat("corrupted/", config::name(corruption))] = accuracy;
    total += accuracy;
  }
  const double mean = total / static_cast<double>(config.corruptions.size());
  results["test/corrupted_accuracy"] = mean;
  results["test/corruption_drop"] = results.at("test/accuracy") - mean;
}

}  // namespace autonorm::train
