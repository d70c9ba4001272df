// retry, drain, undrain, failures.
#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/sweep_choice.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/view_text.h"
#include "coordinator/cli/wording.h"
#include "core/base/text.h"

namespace autonorm::cli {
int retry(const Retry& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto trials = (*client)->retry(options.sweep, {.request = 0,
                                                       .variant = options.variant,
                                                       .trial = options.trial,
                                                       .cancelled = options.cancelled,
                                                       .idempotency_key = environment.random_key()});
  if (!trials.ok()) return fail(environment, trials.status());
  environment.out << (*trials == 0 ? "nothing to try again"
                                   : cat(count_text(*trials, "trial"), *trials == 1 ? " starts" : " start", " again"))
                  << std::endl;
  return kOk;
}

int drain_worker(const DrainWorker& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto outcome = (*client)->drain(options.worker, options.drain, environment.random_key());
  if (!outcome.ok()) return fail(environment, outcome.status());
  std::string text = count_text(outcome->workers_affected, "worker");
  if (options.drain == engine::Drain::kNo) {
    text += outcome->workers_affected == 1 ? " is used again" : " are used again";
  } else {
    text += " drained";
    if (outcome->trials_affected > 0) {
      text += cat(", ", count_text(outcome->trials_affected, "trial"),
                  options.drain == engine::Drain::kNow ? " asked to go on elsewhere" : " still on it");
    }
  }
  environment.out << text << std::endl;
  return kOk;
}

int failures(const Failures& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto sweep = chosen_sweep(**client, options.sweep);
  if (!sweep.ok()) return fail(environment, sweep.status());
  if (sweep->failures.empty()) {
    environment.out << "sweep " << sweep->id << " (" << sweep->name << "): no trial has failed" << std::endl;
    return kOk;
  }
  environment.out << "sweep " << sweep->id << " (" << sweep->name
                  << "): " << count_text(failed_trials(*sweep), "failed trial") << "\n";
  for (const engine::FailureGroup& group : sweep->failures) {
    environment.out << "\n" << failure_text(group) << "\n";
    const auto lines = (*client)->explain(group.example.value());
    if (!lines.ok()) return fail(environment, lines.status());
    for (const std::string& line : *lines) environment.out << "  " << line << "\n";
  }
  if (const std::string more = other_failures_text(*sweep); !more.empty()) environment.out << "\n" << more << "\n";
  environment.out << "\ntry them again: coordinator retry " << sweep->id << std::endl;
  return kOk;
}

}  // namespace autonorm::cli
