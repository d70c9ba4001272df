// One rank of one trial, from its configuration file to an outcome: the steps that `run` and `serve` share. Nothing
// thrown by torch gets past here.
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "core/train/run_trial.h"
#include "worker/trainer/dataset_cache.h"
#include "worker/trainer/device.h"
#include "worker/trainer/failure.h"
#include "worker/trainer/gang_session.h"

namespace autonorm::trainer {

struct TrialJob {
  std::filesystem::path config_file;
  std::string device;  // "cpu", "cuda:N"; "" = as the configuration says
  std::filesystem::path cuda_library;
  std::filesystem::path checkpoint_parent;
  std::optional<std::filesystem::path> resume;          // folder of a checkpoint
  std::map<std::string, std::filesystem::path> inputs;  // stage → folder of a checkpoint
  std::function<Result<std::unique_ptr<GangSession>>(const TrialDevice&)> open_gang;  // when everything else is ready
  train::ProgressSink* sink = nullptr;
  const std::atomic<train::StopRequest>* stop = nullptr;
};

// The gang was asked to stop before the first step.
struct StoppedEarly {};
using JobOutcome = std::variant<train::TrialResult, StoppedEarly, Failure>;

JobOutcome run_job(const TrialJob& job, DatasetCache& datasets);

// The configuration in a file; kInvalid lists every error. Shown names begin with the file.
Result<config::TrialConfig> read_trial_file(const std::filesystem::path& file);

}  // namespace autonorm::trainer
