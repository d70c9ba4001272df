// The verbs of the command line, their flags and where each flag's value goes. Private to command_line.cpp and the
// verb_list_*.cpp files, the only ones that include the command line library.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/cli/command_line.h"
#include "core/base/text.h"

namespace autonorm::cli {

inline constexpr const char* kExitCodes =
    "Exit codes: 0 ok; 1 trials failed, or something went wrong; 2 wrong usage or input; 3 no coordinator answers.";
// CLI::Range for people: NaN is outside, and `allowed` says in words what is inside, e.g. "a number from 0 to 10".
CLI::Validator number_in(double min, double max, const std::string& allowed);
CLI::Validator whole_number_in(int64_t min, int64_t max);

inline constexpr const char* kSweepHelp = "number or name of a sweep; without it, the newest";

// One verb: its values and how they become a Command.
struct Verb {
  CLI::App* app = nullptr;
  std::function<Command()> command;
};

// Builds the verbs one by one; owns the values that the library writes to.
class VerbList {
 public:
  VerbList(CLI::App& app, const Defaults& defaults);

  std::vector<std::string> names() const;
  // Null when there is none of that name.
  const Verb* find(const std::string& name) const;
  const std::string& coordinator() const { return coordinator_; }

 private:
  void add_serve();
  void liveness_flags(Serve& serve);
  void add_run();
  void add_submit();
  void add_plan();
  void add_list();
  void add_status();
  void add_watch();
  void add_explain();
  void add_logs();
  void add_act(const std::string& name, const std::string& help, engine::SweepAction action);
  void add_retry();
  void add_failures();
  void add_workers();
  void add_drain();
  void add_undrain();
  void worker_argument(std::string& worker);
  void add_report();
  void add_compare();
  void add_plot();
  void add_export();
  void add_verify();
  void variant_flags(report::Selection& selection);
  void report_flags(Report& report);  // what report and compare share
  void selection_flags(report::ReportOptions& how);
  void place_flags(ArchivePlace& place);
  void add_backup();
  void add_gc();
  CLI::Option& keep_flag(int& keep, const std::string& help);
  void add_catalogue();

  template <class Options>
  std::shared_ptr<Options> add(const std::string& name, const std::string& help, const std::string& example) {
    auto options = std::make_shared<Options>();
    auto* app = app_.add_subcommand(name, help);
    app->footer("Example: coordinator " + example + "\n" + kExitCodes);
    app->get_formatter()->column_width(28);
    verbs_.push_back({app, [options] { return Command(*options); }});
    return options;
  }
  CLI::App& verb() { return *verbs_.back().app; }

  void coordinator_flag();
  void output_flag(Output& output);
  void states_flag(std::set<TrialState>& states);
  void state_flag(std::string& state);
  // A flag that takes one of a few words, which outlive the list.
  template <class Value>
  void word_flag(const std::string& flag, Value& value, const std::map<std::string, Value>& words,
                 const std::string& help, const std::string& type) {
    const auto take = [&value, &words, flag](const std::string& word) {
      const auto found = words.find(word);
      if (found == words.end()) throw CLI::ValidationError(flag, cat("'", word, "' is not one of ", listed(words)));
      value = found->second;
    };
    verb().add_option_function<std::string>(flag, take, help)->type_name(type);
  }
  template <class Value>
  static std::string listed(const std::map<std::string, Value>& words) {
    std::vector<std::string> names;
    for (const auto& [name, value] : words) names.push_back(name);
    return join(names);
  }

  CLI::App& app_;
  const Defaults& defaults_;
  std::string coordinator_;
  std::vector<Verb> verbs_;
};

}  // namespace autonorm::cli
