#include "worker/trainer/trial_job.h"

#include <nlohmann/json.hpp>

#include "core/base/durable_file.h"
#include "core/base/log.h"

namespace autonorm::trainer {
namespace {

// A worker always chooses; by hand the configuration may.
std::string device_name(const TrialJob& job, const config::TrialConfig& config) {
  if (!job.device.empty()) return job.device;
  return config.device == "auto" ? automatic_device(job.cuda_library) : config.device;
}

JobOutcome outcome_of(Result<train::TrialResult> result) {
  if (!result.ok()) return failed_run(result.status());
  return *std::move(result);
}

// Waits until every rank has its result, so that none takes the store or its communicator away from another. The
// results stand whatever happens here.
void part_from(distributed::Gang& gang) {
  try {
    gang.barrier();
  } catch (const std::exception& error) {
    log_warning("the gang broke up after the trial's end: ", error.what());
  }
}

JobOutcome run_unguarded(const TrialJob& job, DatasetCache& datasets) {
  const auto config = read_trial_file(job.config_file);
  if (!config.ok()) return bad_config(config.status());
  const auto device = open_device(device_name(job, *config), job.cuda_library);
  if (!device.ok())
    return device.status().code() == Code::kInvalid ? bad_config(device.status()) : crashed(device.status());
  const auto dataset = datasets.get(config->data);
  if (!dataset.ok()) return bad_data(dataset.status());
  if (job.resume) {
    // A damaged one is a matter of this host, not of the configuration.
    if (const auto usable = checkpoint::load(*job.resume); !usable.ok()) return crashed(usable.status());
  }
  const auto session = job.open_gang(*device);
  if (!session.ok() && session.status().code() == Code::kConflict) return StoppedEarly{};
  if (!session.ok() && session.status().code() == Code::kUnavailable)
    return Failure{"collective_aborted", session.status().message()};
  if (!session.ok()) return crashed(session.status());
  distributed::Gang& gang = (*session)->gang();
  auto result = train::run_trial({.config = *config,
                                  .dataset = *dataset,
                                  .gang = &gang,
                                  .sink = job.sink,
                                  .stop = job.stop,
                                  .device = device->device,
                                  .checkpoint_parent = job.checkpoint_parent,
                                  .resume = job.resume,
                                  .inputs = job.inputs});
  if (result.ok()) part_from(gang);
  return outcome_of(std::move(result));
}

}  // namespace

Result<config::TrialConfig> read_trial_file(const std::filesystem::path& file) {
  const auto text = read_file(file);
  if (!text.ok()) return invalid("cannot read the trial's configuration: ", text.status().message());
  try {
    auto config = config::parse_trial(nlohmann::json::parse(*text, nullptr, true, /*ignore_comments=*/true));
    if (!config.ok()) return config.status().with_context(file.string());
    return config;
  } catch (const nlohmann::json::parse_error& error) {
    return invalid(file.string(), ": no valid JSON: ", error.what());
  }
}

JobOutcome run_job(const TrialJob& job, DatasetCache& datasets) {
  try {
    return run_unguarded(job, datasets);
  } catch (...) {  // the one place of the process where exceptions of torch and c10d end
    return thrown(std::current_exception());
  }
}

}  // namespace autonorm::trainer
