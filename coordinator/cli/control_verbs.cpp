// retry, drain, undrain, failures.
#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/sweep_choice.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/view_json.h"
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
  if (outcome->workers_affected == 0) {
    text = options.drain == engine::Drain::kNo ? "nothing to do: no worker there is drained" : "drained already";
  } else if (options.drain == engine::Drain::kNo) {
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

namespace {

// One for each group, of its example.
Result<std::vector<engine::Explanation>> explain_examples(ControlClient& client, const engine::SweepView& sweep) {
  std::vector<engine::Explanation> examples;
  for (const engine::FailureGroup& group : sweep.failures) {
    auto found = client.explain(group.example.value());
    if (!found.ok()) return found.status();
    examples.push_back(*std::move(found));
  }
  return examples;
}

std::string failures_text(const engine::SweepView& sweep, const std::vector<engine::Explanation>& examples) {
  std::string text = cat("sweep ", sweep.id, " (", sweep.name, "): ");
  if (sweep.failures.empty()) return text + "no trial has failed\n";
  text += count_text(failed_trials(sweep), "failed trial") + "\n";
  for (size_t i = 0; i < sweep.failures.size(); ++i) {
    text += "\n" + failure_text(sweep.failures[i]) + "\n";
    for (const std::string& line : examples[i].lines) text += "  " + line + "\n";
  }
  if (const std::string more = other_failures_text(sweep); !more.empty()) text += "\n" + more + "\n";
  return text + cat("\ntry them again: coordinator retry ", sweep.id, "\n");
}

}  // namespace

int failures(const Failures& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto sweep = chosen_sweep(**client, options.sweep);
  if (!sweep.ok()) return fail(environment, sweep.status());
  const auto examples = explain_examples(**client, *sweep);
  if (!examples.ok()) return fail(environment, examples.status());
  const bool json = options.output == Output::kJson;
  environment.out << (json ? failures_json(*sweep, *examples) : failures_text(*sweep, *examples)) << std::flush;
  return kOk;
}

}  // namespace autonorm::cli
