// Verbs about sweeps and their trials: run, submit, plan, list, status, watch, explain, logs, cancel, pause, resume,
// retry, failures.
#include <sstream>

#include "coordinator/cli/verb_list.h"

namespace autonorm::cli {
namespace {

std::string trial_states_text() {
  std::vector<std::string> words;
  for (int i = 0; i <= static_cast<int>(TrialState::kCancelled); ++i)
    words.emplace_back(name(static_cast<TrialState>(i)));
  return join(words);
}

}  // namespace

void VerbList::add_run() {
  auto run = add<Run>("run", "serve, start local workers, submit, watch and report: a whole study on this machine",
                      "run sweeps/quickstart.toml --workers 2");
  verb().add_option("FILE", run->file, "sweep file")->required()->type_name("");
  verb()
      .add_option("--workers", run->workers, "local worker processes")
      ->type_name("N")
      ->check(CLI::Range(1, 4096).description(""))
      ->capture_default_str();
  state_flag(run->state);
}

void VerbList::add_submit() {
  auto submit = add<Submit>("submit", "hand a sweep file to the coordinator", "submit sweeps/ablation.toml");
  verb().add_option("FILE", submit->file, "sweep file")->required()->type_name("");
  verb().add_flag("--strict", submit->strict, "refuse a sweep whose seeds cannot answer its question");
  verb().add_flag("--fresh", submit->fresh, "train every cell again, whatever earlier sweeps found");
  verb().add_flag("--wait", submit->wait,
                  "watch until the sweep is done or halted; Ctrl-C ends this command alone, the sweep goes on");
  coordinator_flag();
}

void VerbList::add_plan() {
  auto plan = add<Plan>("plan", "show what a sweep file would train, without training", "plan sweeps/ablation.toml");
  verb().add_option("FILE", plan->file, "sweep file")->required()->type_name("");
  coordinator_flag();
}

void VerbList::add_list() {
  auto list = add<List>("list", "list all sweeps", "list --output json");
  output_flag(list->output);
  coordinator_flag();
}

void VerbList::add_status() {
  auto status =
      add<ShowStatus>("status", "show one sweep and its trials, and whether the coordinator is well", "status 3");
  verb().add_option("SWEEP", status->sweep, kSweepHelp)->type_name("");
  states_flag(status->states);
  verb().add_option("--variant", status->variant, "list every trial of this row")->type_name("NAME");
  output_flag(status->output);
  coordinator_flag();
}

void VerbList::states_flag(std::set<TrialState>& states) {
  const auto take = [&states](const std::string& words) {
    std::istringstream list(words);
    for (std::string word; std::getline(list, word, ',');) {
      const auto state = parse_trial_state(word);
      if (!state) throw CLI::ValidationError("--trials", cat("'", word, "' is not one of ", trial_states_text()));
      states.insert(*state);
    }
  };
  verb()
      .add_option_function<std::string>(
          "--trials", take, "list every trial in these states, e.g. failed,cancelled; of " + trial_states_text())
      ->type_name("STATES");
}

void VerbList::add_watch() {
  auto watch =
      add<Watch>("watch", "follow a sweep until it is done; live on a terminal, plain lines in a pipe", "watch");
  verb().add_option("SWEEP", watch->sweep, kSweepHelp)->type_name("");
  coordinator_flag();
}

void VerbList::add_explain() {
  auto explain = add<Explain>("explain", "say why a trial is where it is and what would move it", "explain 3f9a1c");
  verb().add_option("TRIAL", explain->trial, "first digits of a trial's id, or a variant")->required()->type_name("");
  output_flag(explain->output);
  coordinator_flag();
}

void VerbList::add_logs() {
  auto logs = add<Logs>("logs", "show what an attempt of a trial logged, and its last lines when it failed",
                        "logs 3f9a1c --follow");
  verb()
      .add_option("TRIAL", logs->trial,
                  "first digits of a trial's id, at least 4; of each attempt the first 1,000 lines are kept here, more "
                  "of them in log.txt on its host")
      ->required()
      ->type_name("");
  verb()
      .add_option("--attempt", logs->attempt, "number of the attempt; without it, the newest")
      ->type_name("N")
      ->check(whole_number_in(1, 1'000'000));
  verb().add_flag("--follow", logs->follow, "go on with what is logged from now on, until the attempt has ended");
  verb()
      .add_option("--tail", logs->tail, "of what is there, only the last N lines, the same for its output at the end")
      ->type_name("N")
      ->check(whole_number_in(0, 1'000'000'000));
  coordinator_flag();
}

void VerbList::add_act(const std::string& name, const std::string& help, engine::SweepAction action) {
  auto act = add<Act>(name, help, name + " 3");
  act->action = action;
  verb().add_option("SWEEP", act->sweep, "number or name of a sweep")->required()->type_name("");
  coordinator_flag();
}

void VerbList::add_retry() {
  auto retry = add<Retry>("retry", "start failed trials again, with all their attempts; results are never touched",
                          "retry 3 --variant RMSNorm");
  verb().add_option("SWEEP", retry->sweep, kSweepHelp)->type_name("");
  auto* variant = verb().add_option("--variant", retry->variant, "only this row of the sweep")->type_name("NAME");
  verb()
      .add_option("--trial", retry->trial, "only the trial whose id starts so, failed or cancelled")
      ->type_name("ID")
      ->excludes(variant);
  verb().add_flag("--cancelled", retry->cancelled, "cancelled trials too: a sweep that was cancelled goes on");
  coordinator_flag();
}

void VerbList::add_failures() {
  auto failures =
      add<Failures>("failures", "list what failed, identical failures together, with the end of a log", "failures 3");
  verb().add_option("SWEEP", failures->sweep, kSweepHelp)->type_name("");
  output_flag(failures->output);
  coordinator_flag();
}

}  // namespace autonorm::cli
