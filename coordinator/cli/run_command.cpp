#include <type_traits>

#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/verbs.h"

namespace autonorm::cli {

int fail(Environment& environment, const Status& status) {
  environment.err << status.message() << (status.message().ends_with('\n') ? "" : "\n") << std::flush;
  return exit_code(status);
}

int run_command(const std::vector<std::string>& arguments, Environment& environment) {
  const ParsedLine line = parse_command_line(arguments, environment.defaults);
  if (!line.invocation) {
    (line.exit_code == kOk ? environment.out : environment.err) << line.text << std::flush;
    return line.exit_code;
  }
  const std::string& coordinator = line.invocation->coordinator;
  const auto run = [&](const auto& options) -> int {
    using Options = std::decay_t<decltype(options)>;
    if constexpr (std::is_same_v<Options, Serve>)
      return serve(options, environment);
    else if constexpr (std::is_same_v<Options, Run>)
      return run_study(options, environment);
    else if constexpr (std::is_same_v<Options, Submit>)
      return submit(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Plan>)
      return plan(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, List>)
      return list(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, ShowStatus>)
      return show_status(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Watch>)
      return watch(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Explain>)
      return explain(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Logs>)
      return logs(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Act>)
      return act(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Retry>)
      return retry(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, DrainWorker>)
      return drain_worker(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Failures>)
      return failures(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Workers>)
      return workers(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Plot>)
      return plot(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Export>)
      return export_results(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Verify>)
      return verify(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Backup>)
      return backup(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, CollectGarbage>)
      return collect_garbage(options, coordinator, environment);
    else if constexpr (std::is_same_v<Options, Catalogue>)
      return catalogue(options, environment);
    else
      return report(options, coordinator, environment);
  };
  return std::visit(run, line.invocation->command);
}

}  // namespace autonorm::cli
