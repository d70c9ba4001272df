// list, status, explain, workers.
#include <algorithm>

#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/sweep_choice.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/view_json.h"
#include "coordinator/cli/view_text.h"

namespace autonorm::cli {

int list(const List& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto sweeps = (*client)->sweeps();
  if (!sweeps.ok()) return fail(environment, sweeps.status());
  environment.out << (options.output == Output::kJson ? sweeps_json(*sweeps) : sweeps_text(*sweeps)) << std::flush;
  return kOk;
}

int workers(const Workers& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto workers = (*client)->workers();
  if (!workers.ok()) return fail(environment, workers.status());
  environment.out << (options.output == Output::kJson ? workers_json(*workers) : workers_text(*workers)) << std::flush;
  return kOk;
}

int explain(const Explain& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto found = (*client)->explain(options.trial);
  if (!found.ok()) return fail(environment, found.status());
  if (options.output == Output::kJson) {
    environment.out << explanation_json(*found);
  } else {
    for (const auto& line : found->lines) environment.out << line << "\n";
  }
  environment.out << std::flush;
  return kOk;
}

namespace {

// The view that `selector` means; nothing when there is no sweep at all and none was asked for.
Result<std::optional<engine::SweepView>> choose(ControlClient& client, const std::string& selector) {
  if (selector.empty()) {
    const auto sweeps = client.sweeps();
    if (!sweeps.ok()) return sweeps.status();
    if (sweeps->empty()) return std::optional<engine::SweepView>();
  }
  auto chosen = chosen_sweep(client, selector);
  if (!chosen.ok()) return chosen.status();
  return std::optional(*std::move(chosen));
}

// What `status` shows: every trial that people or programs ask for, else the first that are worth a look.
Result<engine::TrialPage> listed_trials(ControlClient& client, const engine::SweepView& sweep,
                                        const ShowStatus& options) {
  engine::TrialFilter filter{.states = options.states, .variant = options.variant};
  const bool all = options.output == Output::kJson || !filter.states.empty() || !filter.variant.empty();
  if (!all) {
    filter = noteworthy_trials();
    return client.trial_page(cat(sweep.id), filter);
  }
  auto trials = client.trials(cat(sweep.id), std::move(filter));
  if (!trials.ok()) return trials.status();
  const int64_t matching = std::ssize(*trials);
  return engine::TrialPage{.trials = *std::move(trials), .matching = matching, .next = {}};
}

}  // namespace

int show_status(const ShowStatus& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto info = (*client)->info();
  if (!info.ok()) return fail(environment, info.status());
  const auto sweep = choose(**client, options.sweep);
  if (!sweep.ok()) return fail(environment, sweep.status());
  engine::TrialPage page;
  if (*sweep) {
    auto found = listed_trials(**client, **sweep, options);
    if (!found.ok()) return fail(environment, found.status());
    page = *std::move(found);
  }
  if (options.output == Output::kJson) {
    environment.out << status_json(*info, *sweep, page.trials) << std::flush;
    return kOk;
  }
  const auto workers = (*client)->workers();
  if (!workers.ok()) return fail(environment, workers.status());
  const auto connected = std::ranges::count_if(*workers, [](const auto& worker) { return worker.state != "lost"; });
  environment.out << server_text(*info, coordinator, static_cast<size_t>(connected))
                  << (*sweep ? sweep_text(**sweep, page) : sweeps_text({})) << std::flush;
  return kOk;
}

}  // namespace autonorm::cli
