// One rank of one trial from configuration to result. No process, pipe or signal handling here: the trainer program
// (worker/trainer) provides sink, gang and stop flag.
#pragma once
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/checkpoint/checkpoint.h"
#include "core/config/trial_config.h"
#include "core/data/dataset.h"
#include "core/distributed/gang.h"

namespace autonorm::train {

struct MetricPoint {
  std::string metric;
  int64_t step = 0;
  double value = 0;
};

// What the loop reports. Called on the training thread. Rank 0 gets a real one, other ranks one that only takes
// progress().
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void phase(const std::string& phase) = 0;  // "loading" | "training" | "evaluating" | "checkpointing"
  virtual void progress(int64_t step, int64_t total_steps, double loss, double samples_per_s) = 0;
  virtual void metrics(const std::vector<MetricPoint>& points) = 0;
  virtual void norm_stats(int64_t step, const std::map<std::string, std::map<std::string, double>>& by_site) = 0;
  virtual void checkpoint(int64_t step, const std::filesystem::path& folder) = 0;
};

enum class StopRequest : int { kNone, kCheckpoint, kNow };

struct TrialInputs {
  config::TrialConfig config;
  const data::Dataset* dataset = nullptr;
  distributed::Gang* gang = nullptr;
  ProgressSink* sink = nullptr;
  const std::atomic<StopRequest>* stop = nullptr;  // looked at once per step, agreed over the gang
  at::Device device = at::kCPU;
  std::filesystem::path checkpoint_parent;              // rank 0 writes step-<n> below
  std::optional<std::filesystem::path> resume;          // every rank reads it
  std::map<std::string, std::filesystem::path> inputs;  // stage → folder of its final checkpoint
  const Clock* clock = nullptr;  // for times and throughput only, never for results; null = the system's
};

struct TrialResult {
  enum class Outcome { kCompleted, kDiverged, kStopped } outcome = Outcome::kCompleted;
  int64_t step = 0;
  std::map<std::string, double> results;       // "test/accuracy", "val/accuracy", "model/parameters", …
  std::map<std::string, std::string> facts;    // "weights_sha256", "build", … (core/README.md)
  std::map<std::string, std::string> initial;  // "NAME [shape]" → SHA-256 of the initial value
  std::filesystem::path final_checkpoint;      // rank 0: the trained model, for stages that depend on it
};

// kInvalid: the configuration does not fit data or model. Throws distributed::CollectiveAborted and c10::Error.
Result<TrialResult> run_trial(const TrialInputs& inputs);

}  // namespace autonorm::train
