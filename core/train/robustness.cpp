#include "core/train/robustness.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/data/corruption.h"

namespace autonorm::train {
namespace {

constexpr int64_t kAtOnce = 4096;  // images corrupted and held as floats

// Of all of the test set, a part after the other.
double accuracy_under(config::Corruption corruption, int64_t severity, const config::DataConfig& config,
                      const data::Dataset& data, TrialLoop& loop) {
  int64_t correct = 0;
  for (int64_t first = 0; first < data.test.size(); first += kAtOnce) {
    const int64_t count = std::min(kAtOnce, data.test.size() - first);
    const data::Split part{.images = data.test.images.narrow(0, first, count),
                           .labels = data.test.labels.narrow(0, first, count)};
    const data::Split changed =
        data::corrupted_split(part, first, data.scale, corruption, config.corruption_scale, severity);
    correct += loop.evaluate(changed, 1).correct;
  }
  return static_cast<double>(correct) / static_cast<double>(data.test.size());
}

}  // namespace

void judge_corrupted(std::map<std::string, double>& results, TrialLoop& loop, const data::Dataset& data,
                     const config::DataConfig& config) {
  if (config.corruptions.empty()) return;
  const int64_t first = config.severity == 0 ? 1 : config.severity;
  const int64_t last = config.severity == 0 ? data::kSeverities : config.severity;
  double total = 0;
  for (const config::Corruption corruption : config.corruptions) {
    double sum = 0;
    for (int64_t severity = first; severity <= last; ++severity) {
      sum += accuracy_under(corruption, severity, config, data, loop);
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
