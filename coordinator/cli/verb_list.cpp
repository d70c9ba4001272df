#include "coordinator/cli/verb_list.h"

#include <algorithm>
#include <charconv>

namespace autonorm::cli {
namespace {

const std::map<std::string, Output> kOutputs{{"text", Output::kText}, {"json", Output::kJson}};

template <class Number>
CLI::Validator bounded(Number min, Number max, const std::string& allowed) {
  return {[=](std::string& text) {
            Number value{};
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            const bool read = error == std::errc() && end == text.data() + text.size();
            return read && value >= min && value <= max ? "" : cat("'", text, "' is not ", allowed);
          },
          ""};
}

}  // namespace

CLI::Validator number_in(double min, double max, const std::string& allowed) { return bounded(min, max, allowed); }

CLI::Validator whole_number_in(int64_t min, int64_t max) {
  return bounded(min, max, cat("a whole number from ", min, " to ", max));
}

VerbList::VerbList(CLI::App& app, const Defaults& defaults)
    : app_(app), defaults_(defaults), coordinator_(defaults.coordinator) {
  add_serve();
  add_run();
  add_submit();
  add_plan();
  add_list();
  add_status();
  add_watch();
  add_explain();
  add_logs();
  add_act("cancel", "stop a sweep; trials that no other sweep wants stop too", engine::SweepAction::kCancel);
  add_act("pause", "start no more trials of a sweep; running ones write a checkpoint and leave",
          engine::SweepAction::kPause);
  add_act("resume", "go on with a sweep that was paused, or halted by its failures", engine::SweepAction::kResume);
  add_retry();
  add_failures();
  add_workers();
  add_drain();
  add_undrain();
  add_report();
  add_compare();
  add_plot();
  add_export();
  add_verify();
  add_backup();
  add_gc();
  add_catalogue();
}

std::vector<std::string> VerbList::names() const {
  std::vector<std::string> names;
  for (const auto& verb : verbs_) names.push_back(verb.app->get_name());
  return names;
}

const Verb* VerbList::find(const std::string& name) const {
  const auto found = std::ranges::find_if(verbs_, [&](const Verb& verb) { return verb.app->get_name() == name; });
  return found == verbs_.end() ? nullptr : &*found;
}

void VerbList::coordinator_flag() {
  verb()
      .add_option("--coordinator", coordinator_, "address of the coordinator")
      ->type_name("ADDR")
      ->capture_default_str();
}

void VerbList::output_flag(Output& output) {
  word_flag("--output", output, kOutputs, "text, or json: one JSON document", "text|json");
}

void VerbList::state_flag(std::string& state) {
  state = defaults_.state;
  verb().add_option("--state", state, "state directory")->type_name("DIR")->capture_default_str();
}

}  // namespace autonorm::cli
