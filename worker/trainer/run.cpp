#include "worker/trainer/run.h"

#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/base/durable_file.h"
#include "core/base/log.h"
#include "worker/trainer/console_sink.h"
#include "worker/trainer/trial_job.h"

namespace autonorm::trainer {
namespace {

using nlohmann::json;
using Outcome = train::TrialResult::Outcome;

// A signal handler reaches nothing but a global.
std::atomic<train::StopRequest> stop_request{train::StopRequest::kNone};
static_assert(std::atomic<train::StopRequest>::is_always_lock_free);

void on_interrupt(int signal) {
  stop_request.store(train::StopRequest::kCheckpoint);
  std::signal(signal, SIG_DFL);  // the next one ends the process at once
}

int exit_code(const Failure& failure) {
  if (failure.reason == "bad_config") return kExitUsage;
  if (failure.reason == "data_missing") return kExitDataMissing;
  if (failure.reason == "data_corrupt") return kExitDataCorrupt;
  return kExitFailed;
}

int complain(const Failure& failure) {
  std::fprintf(stderr, "trainer: %s: %s\n", failure.reason.c_str(), failure.message.c_str());
  return exit_code(failure);
}

const char* outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::kCompleted:
      return "completed";
    case Outcome::kDiverged:
      return "diverged";
    case Outcome::kStopped:
      return "stopped";
  }
  return "unknown";
}

void print_result(const TrialId& trial, const train::TrialResult& result) {
  std::fprintf(stderr, "%s after %lld steps\n", outcome_word(result.outcome), static_cast<long long>(result.step));
  for (const auto& [metric, value] : result.results) std::fprintf(stderr, "  %-28s %.6g\n", metric.c_str(), value);
  const json line = {{"trial", trial.value()},
                     {"outcome", outcome_word(result.outcome)},
                     {"step", result.step},
                     {"results", result.results},
                     {"facts", result.facts},
                     {"initial", result.initial},
                     {"checkpoint", result.final_checkpoint.string()}};
  std::printf("%s\n", line.dump().c_str());
}

// The newest usable checkpoint; nullopt, said aloud, when there is none.
std::optional<std::filesystem::path> resume_point(const std::filesystem::path& parent) {
  auto found = checkpoint::newest(parent);
  if (found.ok()) {
    log_info("resuming from ", found->string());
    return *found;
  }
  log_info(found.status().message(), "; starting from the beginning");
  return std::nullopt;
}

}  // namespace

int run(const RunOptions& options, const data::DataRoots& roots, const std::filesystem::path& cuda_library) {
  const auto config = read_trial_file(options.config);
  if (!config.ok()) return complain(bad_config(config.status()));
  if (config->ranks != 1) {
    return complain({"bad_config", cat(options.config.string(), ": ranks = ", config->ranks,
                                       ": 'trainer run' is one process; set ranks = 1 (the result agrees up to "
                                       "rounding) or use 'coordinator run'")});
  }
  const TrialId trial = config::trial_id(*config);
  const auto output =
      options.output.empty() ? std::filesystem::path("runs/by-hand") / short_form(trial) : options.output;
  std::error_code error;
  std::filesystem::create_directories(output, error);
  Status written = error ? system_error("cannot create " + output.string(), error.value()) : Status();
  if (written.ok()) written = write_file_durably(output / "trial.json", config::resolved(*config).dump(2) + "\n");
  if (!written.ok()) return complain(crashed(written));

  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  data::DataRoots folders{options.data};
  folders.folders.insert(folders.folders.end(), roots.folders.begin(), roots.folders.end());
  DatasetCache datasets(folders);
  ConsoleSink sink(stderr, options.quiet);
  TrialJob job{.config_file = options.config,
               .device = options.device,
               .cuda_library = cuda_library,
               .checkpoint_parent = output / "checkpoints",
               .resume = {},
               .inputs = options.inputs,
               .open_gang = [](const TrialDevice& device) { return GangSession::open({}, device, nullptr); },
               .sink = &sink,
               .stop = &stop_request};
  if (options.resume) job.resume = resume_point(job.checkpoint_parent);
  const JobOutcome outcome = run_job(job, datasets);
  if (const auto* failure = std::get_if<Failure>(&outcome)) return complain(*failure);
  const auto* result = std::get_if<train::TrialResult>(&outcome);
  if (result == nullptr) return kExitStopped;
  print_result(trial, *result);
  return result->outcome == Outcome::kStopped ? kExitStopped : kExitOk;
}

}  // namespace autonorm::trainer
