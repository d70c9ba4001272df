#include "coordinator/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "coordinator/cli/exit_codes.h"
#include "coordinator/plot/registry.h"
#include "coordinator/report/words.h"
#include "coordinator/server/version.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 ok; 1 trials failed, or something went wrong; 2 wrong usage or input; 3 no coordinator answers.";
constexpr const char* kSweepHelp = "number or name of a sweep; without it, the newest";

const std::map<std::string, Output> kOutputs{{"text", Output::kText}, {"json", Output::kJson}};
template <class Words>
auto as_map(const Words& words) {
  return std::map<std::string, typename Words::value_type::second_type>(words.begin(), words.end());
}
const auto kFormats = as_map(report::kFormatWords);
const auto kIntervals = as_map(report::kIntervalWords);
const auto kTests = as_map(report::kTestWords);

const std::map<std::string, PlotFormat> kPlotFormats{
    {"svg", PlotFormat::kSvg}, {"png", PlotFormat::kPng}, {"data", PlotFormat::kData}};

const std::map<std::string, ExportFormat> kExportFormats{
    {"tensorboard", ExportFormat::kTensorboard}, {"jsonl", ExportFormat::kJsonLines}, {"csv", ExportFormat::kCsv}};

// "10%" or "5".
Sample parse_sample(const std::string& text) {
  const bool is_share = text.ends_with('%');
  const std::string digits = is_share ? text.substr(0, text.size() - 1) : text;
  double amount = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), amount);
  const bool read = error == std::errc() && end == digits.data() + digits.size();
  const bool fits =
      is_share ? amount > 0 && amount <= 100 : amount >= 1 && amount <= 1e9 && amount == std::floor(amount);
  if (!read || !fits) {
    throw CLI::ValidationError(
        "--sample", cat("'", text, "' is neither a share above 0% and up to 100% nor a whole number from 1 on"));
  }
  return {is_share, is_share ? amount / 100 : amount};
}

std::string plot_kinds() {
  std::vector<std::string> names;
  for (const plot::PlotKind* kind : plot::kinds()) names.emplace_back(kind->name);
  return join(names);
}

template <class Value>
std::string listed(const std::map<std::string, Value>& words) {
  std::vector<std::string> names;
  for (const auto& [name, value] : words) names.push_back(name);
  return join(names);
}

// One verb: its values and how they become a Command.
struct Verb {
  CLI::App* app = nullptr;
  std::function<Command()> command;
};

// Builds the verbs one by one; owns the values that the library writes to.
class Verbs {
 public:
  Verbs(CLI::App& app, const Defaults& defaults) : app_(app), defaults_(defaults), coordinator_(defaults.coordinator) {
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

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& verb : verbs_) names.push_back(verb.app->get_name());
    return names;
  }
  // The verb that was given; null when none was.
  const Verb* chosen() const {
    const auto found = std::ranges::find_if(verbs_, [](const Verb& verb) { return verb.app->parsed(); });
    return found == verbs_.end() ? nullptr : &*found;
  }
  const std::string& coordinator() const { return coordinator_; }

 private:
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

  void coordinator_flag() {
    verb()
        .add_option("--coordinator", coordinator_, "address of the coordinator")
        ->type_name("ADDR")
        ->capture_default_str();
  }
  void output_flag(Output& output) { word_flag("--output", output, kOutputs, "text or json", "text|json"); }
  // A flag that takes one of a few words.
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
  void state_flag(std::string& state) {
    state = defaults_.state;
    verb().add_option("--state", state, "state directory")->type_name("DIR")->capture_default_str();
  }

  void add_serve() {
    auto serve = add<Serve>("serve", "run the coordinator: keeps the state and hands trials to workers",
                            "serve --listen 0.0.0.0:50551 --state ./runs");
    serve->listen = defaults_.coordinator;
    verb()
        .add_option("--listen", serve->listen, "address to listen on; port 0 takes any free one")
        ->type_name("ADDR")
        ->capture_default_str();
    state_flag(serve->state);
    liveness_flags(*serve);
    keep_flag(serve->keep_checkpoints, "checkpoints kept per trial that may train again, 1 to 1000")
        .capture_default_str();
    verb()
        .add_option("--max-artifact-gib", serve->max_artifact_gib,
                    "bound on kept checkpoints and models; beyond it older checkpoints go, then models of finished "
                    "trials; what a trial needs stays; 0 = unbounded")
        ->type_name("G")
        ->check(CLI::NonNegativeNumber.description(""))
        ->capture_default_str();
  }
  void liveness_flags(Serve& serve) {
    verb()
        .add_option("--lease", serve.lease_s, "seconds of silence after which a worker counts as lost")
        ->type_name("S")
        ->check(CLI::Range(0.5, 3600.0).description(""))
        ->capture_default_str();
    verb()
        .add_option("--heartbeat", serve.heartbeat_s,
                    "seconds between a worker's signs of life; at most a third of --lease")
        ->type_name("S")
        ->check(CLI::Range(0.1, 1200.0).description(""))
        ->capture_default_str();
    verb()
        .add_option("--quarantine-crashes", serve.quarantine_crashes,
                    "trials whose trainers may crash on one worker in 10 min before it gets no more; 0 = any number")
        ->type_name("N")
        ->check(CLI::Range(0, 1'000'000).description(""))
        ->capture_default_str();
    verb().callback([&serve] {
      if (serve.heartbeat_s * 3 <= serve.lease_s) return;
      throw CLI::ValidationError("--heartbeat",
                                 cat(serve.heartbeat_s, " s is more than a third of --lease ", serve.lease_s,
                                     " s: one lost message would cost a worker its lease"));
    });
  }
  void add_run() {
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
  void add_submit() {
    auto submit = add<Submit>("submit", "hand a sweep file to the coordinator", "submit sweeps/ablation.toml");
    verb().add_option("FILE", submit->file, "sweep file")->required()->type_name("");
    verb().add_flag("--strict", submit->strict, "refuse a sweep whose seeds cannot answer its question");
    verb().add_flag("--fresh", submit->fresh, "train every cell again, whatever earlier sweeps found");
    verb().add_flag("--wait", submit->wait, "watch until the sweep is done");
    coordinator_flag();
  }
  void add_plan() {
    auto plan = add<Plan>("plan", "show what a sweep file would train, without training", "plan sweeps/ablation.toml");
    verb().add_option("FILE", plan->file, "sweep file")->required()->type_name("");
    coordinator_flag();
  }
  void add_list() {
    auto list = add<List>("list", "list all sweeps", "list --output json");
    output_flag(list->output);
    coordinator_flag();
  }
  void add_status() {
    auto status =
        add<ShowStatus>("status", "show one sweep and its trials, and whether the coordinator is well", "status 3");
    verb().add_option("SWEEP", status->sweep, kSweepHelp)->type_name("");
    output_flag(status->output);
    coordinator_flag();
  }
  void add_watch() {
    auto watch =
        add<Watch>("watch", "follow a sweep until it is done; live on a terminal, plain lines in a pipe", "watch");
    verb().add_option("SWEEP", watch->sweep, kSweepHelp)->type_name("");
    coordinator_flag();
  }
  void add_explain() {
    auto explain = add<Explain>("explain", "say why a trial is where it is and what would move it", "explain 3f9a1c");
    verb().add_option("TRIAL", explain->trial, "first digits of a trial's id, or a variant")->required()->type_name("");
    output_flag(explain->output);
    coordinator_flag();
  }
  void add_logs() {
    auto logs = add<Logs>("logs", "show what an attempt of a trial logged, and its last lines when it failed",
                          "logs 3f9a1c --follow");
    verb().add_option("TRIAL", logs->trial, "first digits of a trial's id, at least 4")->required()->type_name("");
    verb()
        .add_option("--attempt", logs->attempt, "number of the attempt; without it, the newest")
        ->type_name("N")
        ->check(CLI::PositiveNumber.description(""));
    verb().add_flag("--follow", logs->follow, "go on with what is logged from now on, until the attempt has ended");
    verb()
        .add_option("--tail", logs->tail, "of what is there, only the last N lines")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber.description(""));
    coordinator_flag();
  }
  void add_act(const std::string& name, const std::string& help, engine::SweepAction action) {
    auto act = add<Act>(name, help, name + " 3");
    act->action = action;
    verb().add_option("SWEEP", act->sweep, "number or name of a sweep")->required()->type_name("");
    coordinator_flag();
  }
  void add_retry() {
    auto retry = add<Retry>("retry", "start failed trials again, with all their attempts; results are never touched",
                            "retry 3 --variant RMSNorm");
    verb().add_option("SWEEP", retry->sweep, kSweepHelp)->type_name("");
    auto* variant = verb().add_option("--variant", retry->variant, "only this row of the sweep")->type_name("NAME");
    verb()
        .add_option("--trial", retry->trial, "only the trial whose id starts so, failed or cancelled")
        ->type_name("ID")
        ->excludes(variant);
    verb().add_flag("--cancelled", retry->cancelled, "cancelled trials too");
    coordinator_flag();
  }
  void add_failures() {
    auto failures =
        add<Failures>("failures", "list what failed, identical failures together, with the end of a log", "failures 3");
    verb().add_option("SWEEP", failures->sweep, kSweepHelp)->type_name("");
    coordinator_flag();
  }
  void add_drain() {
    auto drain = add<DrainWorker>("drain", "start nothing more on a worker; what it trains goes on to its end",
                                  "drain node7 --now");
    worker_argument(drain->worker);
    verb().add_flag_callback(
        "--now", [drain] { drain->drain = engine::Drain::kNow; },
        "what it trains writes a checkpoint and goes on elsewhere");
    coordinator_flag();
  }
  void add_undrain() {
    auto undrain = add<DrainWorker>("undrain", "use a drained worker again", "undrain node7");
    undrain->drain = engine::Drain::kNo;
    worker_argument(undrain->worker);
    coordinator_flag();
  }
  void worker_argument(std::string& worker) {
    verb()
        .add_option("WORKER", worker, "id of a worker, the start of it, or a host: all its workers")
        ->required()
        ->type_name("");
  }
  void add_workers() {
    auto workers = add<Workers>("workers", "list the workers and what each is doing", "workers");
    output_flag(workers->output);
    coordinator_flag();
  }
  void add_report() {
    auto report =
        add<Report>("report", "compare the variants of a sweep with its baseline", "report --format csv > results.csv");
    verb().add_option("SWEEP", report->sweep, kSweepHelp)->type_name("");
    verb().add_flag("--trials", report->how.trials, "one row per trial and label instead of the comparison");
    variant_flags(report->how.selection);
    verb()
        .add_option("--explain-cell", report->how.explain_cell, "where the numbers of VARIANT/CELL come from")
        ->type_name("V/C");
    report_flags(*report);
  }
  void add_compare() {
    auto report = add<Report>("compare", "compare two variants of a sweep, or two sweeps, seed by seed",
                              "compare RMSNorm LayerNorm");
    report->compare.resize(2);
    verb().add_option("A", report->compare[0], "variant, or number or name of a sweep")->required()->type_name("");
    verb()
        .add_option("B", report->compare[1], "the same kind of thing: what A is compared with")
        ->required()
        ->type_name("");
    verb()
        .add_option("--sweep", report->sweep, "for two variants: number or name of their sweep; without it, the newest")
        ->type_name("SWEEP");
    verb()
        .add_option("--other-db", report->other_db, "for two sweeps: database or state directory that B is in")
        ->type_name("FILE");
    report_flags(*report);
  }
  void add_plot() {
    auto plot = add<Plot>("plot", "draw a sweep: differences, learning curves, costs, what norms learned, workers",
                          "plot --kind forest --format png --out figures");
    verb().add_option("SWEEP", plot->sweep, kSweepHelp)->type_name("");
    verb()
        .add_option("--kind", plot->kinds, cat(plot_kinds(), "; repeatable; without it, all"))
        ->type_name("K")
        ->allow_extra_args(false);
    word_flag("--format", plot->format, kPlotFormats,
              "svg, png, or data: the numbers (csv) and the gnuplot scripts; the numbers are written in any case", "F");
    verb().add_option("--out", plot->out, "folder for the files")->type_name("DIR")->capture_default_str();
    variant_flags(plot->how.selection);
    selection_flags(plot->how);
    place_flags(plot->place);
  }
  void add_export() {
    auto out = add<Export>("export", "write a sweep's curves, norm values and results for other tools",
                           "export --format tensorboard --out runs/board");
    verb().add_option("SWEEP", out->sweep, kSweepHelp)->type_name("");
    word_flag("--format", out->format, kExportFormats,
              "tensorboard: event files, one run per trial; jsonl: one line per trial; csv: five tables", "F");
    verb().add_option("--out", out->out, "folder for the files")->type_name("DIR")->capture_default_str();
    variant_flags(out->how.selection);
    selection_flags(out->how);
    place_flags(out->place);
  }
  void add_verify() {
    auto verify = add<Verify>(
        "verify", "train some finished trials again, beside the first, and see whether they come out the same",
        "verify 3 --sample 10%");
    verb().add_option("SWEEP", verify->sweep, kSweepHelp)->type_name("");
    verb()
        .add_option_function<std::string>(
            "--sample", [verify](const std::string& text) { verify->sample = parse_sample(text); },
            "how many of the finished trials: a share such as 10% (the default) or a number")
        ->type_name("S");
    verb()
        .add_option("--seed", verify->seed, "of the sample; the same seed chooses the same trials")
        ->capture_default_str()
        ->type_name("N");
    verb()
        .add_option("--round", verify->round, "another round trains the same sample yet again")
        ->type_name("N")
        ->check(CLI::PositiveNumber.description(""))
        ->capture_default_str();
    verb()
        .add_option("--tolerance", verify->tolerance,
                    "difference in the sweep's metric that still counts as reproduced; else its margin, or 0.001")
        ->type_name("X")
        ->check(CLI::NonNegativeNumber.description(""));
    coordinator_flag();
  }
  void variant_flags(report::Selection& selection) {
    verb()
        .add_option("--variant", selection.variants, "only this variant and the baseline; repeatable")
        ->type_name("V")
        ->allow_extra_args(false);
    verb()
        .add_option("--baseline", selection.baseline, "compare with this variant instead of the sweep's")
        ->type_name("V");
  }
  // What report and compare share.
  void report_flags(Report& report) {
    word_flag("--format", report.how.format, kFormats, "text, csv, json, markdown, latex or html", "F");
    selection_flags(report.how);
    place_flags(report.place);
  }
  void selection_flags(report::ReportOptions& how) {
    report::Selection& selection = how.selection;
    verb()
        .add_option("--data", selection.data, "only this data set; repeatable")
        ->type_name("D")
        ->allow_extra_args(false);
    verb()
        .add_option("--where", selection.where, "only cells with this matrix value; repeatable")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    verb().add_option("--metric", selection.metric, "judge by this metric instead of the sweep's")->type_name("M");
    word_flag("--ci", how.interval, kIntervals, "interval: Student's t, BCa bootstrap, or inverted sign-flip test",
              "t|bca|permutation");
    word_flag("--p", how.test, kTests, "test that decides: paired t or sign-flip", "t|signflip");
    verb().add_option("--alpha", selection.alpha, "error rate instead of the sweep's")->type_name("X");
    verb()
        .add_option("--margin", selection.margin, "smallest difference that matters instead of the sweep's")
        ->type_name("X");
  }
  void place_flags(ArchivePlace& place) {
    auto* state = verb()
                      .add_option("--state", place.state, "read this state directory instead of asking the coordinator")
                      ->type_name("DIR");
    verb()
        .add_option("--db", place.db, "read this database instead of asking the coordinator")
        ->type_name("FILE")
        ->excludes(state);
    coordinator_flag();
  }
  void add_backup() {
    auto backup = add<Backup>("backup", "copy the database of the running coordinator; work goes on meanwhile",
                              "backup /backups/autonorm-monday.db");
    verb()
        .add_option("FILE", backup->file,
                    "new file on the coordinator's machine; read it with: report --db FILE. Checkpoints and models "
                    "(the folder artifacts/) are not in it")
        ->required()
        ->type_name("");
    coordinator_flag();
  }
  CLI::Option& keep_flag(int& keep, const std::string& help) {
    return *verb()
                .add_option("--keep-checkpoints", keep, help)
                ->type_name("K")
                ->check(CLI::Range(1, 1000).description(""));
  }
  void add_gc() {
    auto gc = add<CollectGarbage>(
        "gc", "show which checkpoints, models and leftovers no trial needs; with --yes, remove them", "gc --yes");
    verb().add_flag("--yes", gc->yes, "remove them; without it nothing is changed");
    keep_flag(gc->keep_checkpoints, "checkpoints kept per trial that may train again, 1 to 1000; else as serve says");
    verb().add_flag("--models", gc->models,
                    "also the models of finished trials that no other trial needs; a stage whose model is gone trains "
                    "again when a later sweep needs it");
    coordinator_flag();
  }
  void add_catalogue() {
    auto catalogue = add<Catalogue>(
        "catalogue", "what a sweep file can choose from: kinds, keys, ranges, defaults; needs no coordinator",
        "catalogue dyt");
    verb()
        .add_option(
            "KIND", catalogue->what,
            "norms, gates, models, data, optimizers, schedules, losses, devices or metrics; a kind such as dyt; "
            "a table or key such as train or train.lr; without it, everything")
        ->type_name("");
    output_flag(catalogue->output);
  }

  CLI::App& app_;
  const Defaults& defaults_;
  std::string coordinator_;
  std::vector<Verb> verbs_;
};

ParsedLine usage_error(const std::string& message, const std::string& verb) {
  return {.invocation = std::nullopt,
          .text = cat("coordinator", verb.empty() ? "" : " " + verb, ": ", message, "\nsee: coordinator ",
                      verb.empty() ? "" : verb + " ", "--help\n"),
          .exit_code = kUsage};
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string near = nearest(word, candidates);
  return near.empty() ? "" : cat("; did you mean '", near, "'?");
}

// What the library did not understand: a flag with a typing error, or an argument too many.
std::string explain_extra(const CLI::App& verb, const std::string& extra) {
  if (!extra.starts_with('-')) return cat("unexpected argument '", extra, "'");
  std::vector<std::string> flags;
  for (const CLI::Option* option : verb.get_options()) {
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  }
  const std::string word = extra.substr(0, extra.find('='));
  return cat("unknown flag '", word, "'", suggestion(word, flags), "\nallowed here: ", join(flags));
}

// The first argument that neither the program nor the verb knows; empty when all were understood.
std::string unknown_argument(const CLI::App& app, const Verb* verb) {
  if (!app.remaining().empty()) return app.remaining().front();
  return verb && !verb->app->remaining().empty() ? verb->app->remaining().front() : "";
}

void describe(CLI::App& app) {
  app.set_version_flag("--version", "coordinator " + std::string(server::kBuildVersion));
  app.footer(
      cat("Start with: coordinator run sweeps/quickstart.toml --workers 2\n",
          "AUTONORM_COORDINATOR and AUTONORM_STATE replace the defaults of --coordinator, --listen and --state; ",
          "flags win.\n", kExitCodes));
  app.get_formatter()->column_width(16);
  app.allow_extras();  // so that we can name the nearest flag ourselves
}

}  // namespace

ParsedLine parse_command_line(const std::vector<std::string>& arguments, const Defaults& defaults) {
  CLI::App app("Runs ablation sweeps of normalization layers: one file in, one table out.", "coordinator");
  describe(app);
  Verbs verbs(app, defaults);
  if (arguments.empty()) return {.invocation = std::nullopt, .text = app.help(), .exit_code = kUsage};
  const auto names = verbs.names();
  const auto& first = arguments.front();
  if (!first.starts_with('-') && std::ranges::find(names, first) == names.end()) {
    return usage_error(cat("unknown verb '", first, "'", suggestion(first, names), "\nverbs: ", join(names)), "");
  }
  std::string problem;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as the library wants them
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const Verb* verb = verbs.chosen();
    return {.invocation = std::nullopt, .text = verb ? verb->app->help("coordinator") : app.help(), .exit_code = kOk};
  } catch (const CLI::CallForVersion& version) {
    return {.invocation = std::nullopt, .text = cat(version.what(), "\n"), .exit_code = kOk};
  } catch (const CLI::ParseError& error) {
    problem = error.what();
  }
  const Verb* verb = verbs.chosen();
  const std::string unknown = unknown_argument(app, verb);
  if (!unknown.empty()) problem = explain_extra(app.remaining().empty() && verb ? *verb->app : app, unknown);
  if (problem.empty() && !verb) problem = "which verb? " + join(names);
  if (!problem.empty()) return usage_error(problem, verb ? verb->app->get_name() : "");
  return {.invocation = Invocation{verb->command(), verbs.coordinator()}, .text = "", .exit_code = kOk};
}

}  // namespace autonorm::cli
