// plan, submit, watch, cancel, pause, resume.
#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/follow.h"
#include "coordinator/cli/plan_text.h"
#include "coordinator/cli/sweep_choice.h"
#include "coordinator/cli/sweep_file.h"
#include "coordinator/cli/table_check.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/wording.h"
#include "core/base/text.h"
#include "core/stats/power.h"

namespace autonorm::cli {
namespace {

std::optional<std::string> power_problem(const config::Sweep& sweep, const ServerPlan& server) {
  return stats::power_problem(static_cast<int>(sweep.seeds.size()), comparisons(sweep), sweep.margin, sweep.alpha,
                              server.past_spread);
}

std::string revived_text(const engine::SubmitReply& reply, bool fresh) {
  if (reply.revived == 0) return "";
  if (!fresh) return cat(", ", number_text(reply.revived), " failed or cancelled ones tried again");
  return cat(", ", number_text(reply.revived), " trained again (--fresh): ", reply.revived == 1 ? "its" : "their",
             " results, if any, are replaced in the reports of earlier sweeps too, which are POST HOC from then on");
}

// A sweep that was there before may be one that goes on only when it is told to; empty when it goes on by itself.
Result<std::string> waiting_text(ControlClient& client, const engine::SubmitReply& reply) {
  if (!reply.existed) return std::string();
  const auto sweep = chosen_sweep(client, cat(reply.sweep));
  if (!sweep.ok()) return sweep.status();
  if (sweep->state != "paused" && sweep->state != "halted") return std::string();
  return cat("sweep ", reply.sweep, " is ", sweep->state, "; go on with it: coordinator resume ", reply.sweep, "\n");
}

void print_outcome(const engine::SubmitReply& reply, bool fresh, const std::string& waiting,
                   const std::string& coordinator, Environment& environment) {
  environment.out << "sweep " << reply.sweep << (reply.existed ? " was submitted before" : " submitted") << ": "
                  << count_text(reply.trials, "trial") << ", " << number_text(reply.new_trials) << " new, "
                  << number_text(reply.cached) << " cached" << revived_text(reply, fresh) << "\n"
                  << waiting << "follow it: coordinator watch " << reply.sweep << " --coordinator " << coordinator
                  << std::endl;
}

const char* infinitive(engine::SweepAction action) {
  switch (action) {
    case engine::SweepAction::kCancel:
      return "cancel";
    case engine::SweepAction::kPause:
      return "pause";
    case engine::SweepAction::kResume:
      return "resume";
  }
  return "";
}

const char* past_tense(engine::SweepAction action) {
  switch (action) {
    case engine::SweepAction::kCancel:
      return "cancelled";
    case engine::SweepAction::kPause:
      return "paused";
    case engine::SweepAction::kResume:
      return "resumed";
  }
  return "";
}

// What makes an action needless; empty when it changes something, or when the server has to say why it cannot.
std::string needless(engine::SweepAction action, const std::string& state) {
  if (state == "done") return cat("is done; there is nothing to ", infinitive(action));
  const std::string target = action == engine::SweepAction::kResume ? "running" : past_tense(action);
  return state == target ? cat("is ", target, " already") : "";
}

}  // namespace

Result<SweepFile> load_sweep_file(const std::string& path, const std::vector<std::filesystem::path>& data_folders) {
  auto source = config::load_sweep_source(path);
  if (!source.ok()) return source.status();
  auto sweep = config::expand_sweep(*source);
  if (!sweep.ok()) return sweep.status();
  AUTONORM_RETURN_IF_ERROR(check_tables(path, data_folders, *sweep));
  return SweepFile{*std::move(source), *std::move(sweep)};
}

int plan(const Plan& options, const std::string& coordinator, Environment& environment) {
  const auto file = load_sweep_file(options.file, environment.data_folders);
  if (!file.ok()) return fail(environment, file.status());
  auto client = ControlClient::connect(coordinator);
  if (client.status().code() == Code::kUnavailable) {  // a plan is useful without a server too
    environment.out << plan_text(file->sweep, std::nullopt) << "(no coordinator answers at " << coordinator << ")"
                    << std::endl;
    return kOk;
  }
  if (!client.ok()) return fail(environment, client.status());
  const auto server = (*client)->plan(file->source);
  if (!server.ok()) return fail(environment, server.status());
  environment.out << plan_text(file->sweep, *server) << std::flush;
  return kOk;
}

int submit(const Submit& options, const std::string& coordinator, Environment& environment) {
  const auto file = load_sweep_file(options.file, environment.data_folders);
  if (!file.ok()) return fail(environment, file.status());
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto server = (*client)->plan(file->source);
  if (!server.ok()) return fail(environment, server.status());
  environment.out << plan_text(file->sweep, *server) << "\n" << std::flush;
  if (const auto problem = power_problem(file->sweep, *server); problem && options.strict) {
    return fail(environment, invalid("refused by --strict: ", *problem));
  }
  const auto reply = (*client)->submit(file->source, options.fresh, environment.random_key());
  if (!reply.ok()) return fail(environment, reply.status());
  const auto waiting = waiting_text(**client, *reply);
  print_outcome(*reply, options.fresh, waiting.ok() ? *waiting : "", coordinator, environment);
  if (!waiting.ok()) return fail(environment, waiting.status());
  return options.wait ? watch({.sweep = cat(reply->sweep)}, coordinator, environment) : kOk;
}

int watch(const Watch& options, const std::string& coordinator, Environment& environment) {
  const auto sweep = follow_over_restarts(coordinator, options.sweep, environment);
  return sweep.ok() ? exit_code_of(*sweep) : fail(environment, sweep.status());
}

int act(const Act& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto sweep = chosen_sweep(**client, options.sweep);
  if (!sweep.ok()) return fail(environment, sweep.status());
  if (const std::string why = needless(options.action, sweep->state); !why.empty()) {
    environment.out << "sweep " << sweep->id << " " << why << std::endl;
    return kOk;
  }
  const auto outcome = (*client)->act(options.action, cat(sweep->id), environment.random_key());
  if (!outcome.ok()) return fail(environment, outcome.status());
  environment.out << "sweep " << outcome->sweep << " " << past_tense(options.action) << ", "
                  << count_text(outcome->trials_affected, "trial") << " affected" << std::endl;
  return kOk;
}

}  // namespace autonorm::cli
