#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/log_text.h"
#include "coordinator/cli/verbs.h"

namespace autonorm::cli {

int logs(const Logs& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  std::optional<store::AttemptSummary> attempt;  // as told last
  const LogsAsked asked{
      .trial = options.trial, .attempt = options.attempt, .follow = options.follow, .tail = options.tail.value_or(-1)};
  const Status status = (*client)->logs(asked, [&](const LogsView& view) {
    const bool first = !attempt;
    if (view.attempt) attempt = view.attempt;
    if (!attempt) return;
    if (first) environment.out << attempt_text(*attempt);
    for (const auto& line : view.lines) environment.out << line_text(line, attempt->ranks);
    environment.out << std::flush;
  });
  if (!status.ok()) return fail(environment, status);
  if (!attempt) return fail(environment, internal("the coordinator did not say whose log this is"));
  environment.out << end_text(*attempt, options.tail) << std::flush;
  return kOk;
}

}  // namespace autonorm::cli
