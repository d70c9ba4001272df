#include "coordinator/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/cli/exit_codes.h"
#include "tests/unit/cli/golden_file.h"

namespace autonorm::cli {
namespace {

using Arguments = std::vector<std::string>;

template <class Options>
Options parsed(const Arguments& arguments, const Defaults& defaults = {}) {
  const auto line = parse_command_line(arguments, defaults);
  EXPECT_TRUE(line.invocation) << line.text;
  if (!line.invocation) return {};
  EXPECT_TRUE(std::holds_alternative<Options>(line.invocation->command));
  return std::get<Options>(line.invocation->command);
}

std::string refusal(const Arguments& arguments) {
  const auto line = parse_command_line(arguments, {});
  EXPECT_FALSE(line.invocation);
  EXPECT_EQ(line.exit_code, kUsage);
  return line.text;
}

TEST(CommandLine, ServeHasDefaultsAndFlags) {
  EXPECT_EQ(parsed<Serve>({"serve"}).listen, "127.0.0.1:50551");
  EXPECT_EQ(parsed<Serve>({"serve"}).state, "./runs");
  const auto serve = parsed<Serve>({"serve", "--listen", "0.0.0.0:7", "--state", "/data/x"});
  EXPECT_EQ(serve.listen, "0.0.0.0:7");
  EXPECT_EQ(serve.state, "/data/x");
  const auto patient = parsed<Serve>({"serve", "--lease", "60", "--heartbeat", "5", "--quarantine-crashes", "0"});
  EXPECT_EQ(patient.lease_s, 60);
  EXPECT_EQ(patient.heartbeat_s, 5);
  EXPECT_EQ(patient.quarantine_crashes, 0);
}

TEST(CommandLine, TheEnvironmentReplacesDefaultsAndFlagsWin) {
  const Defaults environment{.coordinator = "node7:1", .state = "/big"};
  EXPECT_EQ(parsed<Serve>({"serve"}, environment).listen, "node7:1");
  EXPECT_EQ(parsed<Serve>({"serve", "--listen", "h:2"}, environment).listen, "h:2");
  EXPECT_EQ(parsed<cli::Run>({"run", "x.toml"}, environment).state, "/big");
  EXPECT_EQ(parse_command_line({"list"}, environment).invocation->coordinator, "node7:1");
  EXPECT_EQ(parse_command_line({"list", "--coordinator", "h:2"}, environment).invocation->coordinator, "h:2");
}

TEST(CommandLine, RunTakesAFileAndWorkers) {
  const auto run = parsed<cli::Run>({"run", "sweeps/quickstart.toml", "--workers", "2", "--state", "s"});
  EXPECT_EQ(run.file, "sweeps/quickstart.toml");
  EXPECT_EQ(run.workers, 2);
  EXPECT_EQ(run.state, "s");
  EXPECT_EQ(parsed<cli::Run>({"run", "f"}).workers, 1);
}

TEST(CommandLine, SubmitHasThreeSwitches) {
  const auto plain = parsed<Submit>({"submit", "f"});
  EXPECT_FALSE(plain.strict || plain.fresh || plain.wait);
  const auto all = parsed<Submit>({"submit", "--strict", "f", "--fresh", "--wait"});
  EXPECT_TRUE(all.strict && all.fresh && all.wait);
  EXPECT_EQ(all.file, "f");
}

TEST(CommandLine, ReportKnowsItsFormatsAndSources) {
  const auto plain = parsed<Report>({"report"});
  EXPECT_EQ(plain.sweep, "");
  EXPECT_EQ(plain.how.format, report::Format::kText);
  EXPECT_FALSE(plain.how.trials || plain.place.state || plain.place.db);
  EXPECT_EQ(parsed<Report>({"report", "--format", "csv"}).how.format, report::Format::kCsv);
  EXPECT_EQ(parsed<Report>({"report", "--format", "json"}).how.format, report::Format::kJson);
  EXPECT_EQ(parsed<Report>({"report", "--format=markdown"}).how.format, report::Format::kMarkdown);
  const auto full = parsed<Report>({"report", "norms", "--trials", "--db", "x.db"});
  EXPECT_EQ(full.sweep, "norms");
  EXPECT_TRUE(full.how.trials);
  EXPECT_EQ(full.place.db, "x.db");
  EXPECT_EQ(parsed<Report>({"report", "--state", "s"}).place.state, "s");
}

TEST(CommandLine, ReportTakesASelectionAndMethods) {
  const auto report = parsed<Report>(
      {"report",   "--variant",    "A",        "norms",     "--variant",  "B",        "--data",         "mnist",
       "--where",  "train.lr=0.1", "--metric", "test/loss", "--baseline", "C",        "--alpha",        "0.1",
       "--margin", "0.02",         "--ci",     "bca",       "--p",        "signflip", "--explain-cell", "A/mnist"});
  EXPECT_EQ(report.sweep, "norms");
  EXPECT_EQ(report.how.selection.variants, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(report.how.selection.data, std::vector<std::string>{"mnist"});
  EXPECT_EQ(report.how.selection.where, std::vector<std::string>{"train.lr=0.1"});
  EXPECT_EQ(report.how.selection.metric, "test/loss");
  EXPECT_EQ(report.how.selection.baseline, "C");
  EXPECT_EQ(report.how.selection.alpha, 0.1);
  EXPECT_EQ(report.how.selection.margin, 0.02);
  EXPECT_EQ(report.how.interval, report::IntervalMethod::kBca);
  EXPECT_EQ(report.how.test, report::TestMethod::kSignFlip);
  EXPECT_EQ(report.how.explain_cell, "A/mnist");
  EXPECT_THAT(refusal({"report", "--ci", "wald"}), testing::HasSubstr("'wald' is not one of bca, permutation, t"));
  for (const char* wrong : {"5%", "0", "nan", "0.51", "0,05"}) {
    EXPECT_THAT(refusal({"report", "--alpha", wrong}),
                testing::HasSubstr(cat("--alpha: '", wrong, "' is not a number from 1e-06 to 0.5, e.g. 0.05")));
  }
  for (const char* wrong : {"1%", "0", "-1", "inf"}) {
    EXPECT_THAT(refusal({"compare", "A", "B", "--margin", wrong}),
                testing::HasSubstr(cat("--margin: '", wrong, "' is not a number above 0, in the unit of the metric")));
  }
  EXPECT_THAT(refusal({"verify", "3", "--seed", "-1"}), testing::HasSubstr("'-1' is not a whole number from 0 to "));
}

TEST(CommandLine, CompareTakesTwoSides) {
  const auto compare = parsed<Report>({"compare", "RMSNorm", "LayerNorm", "--sweep", "3", "--format", "html"});
  EXPECT_EQ(compare.compare, (std::vector<std::string>{"RMSNorm", "LayerNorm"}));
  EXPECT_EQ(compare.sweep, "3");
  EXPECT_EQ(compare.how.format, report::Format::kHtml);
  EXPECT_THAT(refusal({"compare", "A"}), testing::HasSubstr("B is required"));
}

TEST(CommandLine, ListingsTakeAnOutput) {
  EXPECT_EQ(parsed<List>({"list"}).output, Output::kText);
  EXPECT_EQ(parsed<List>({"list", "--output", "json"}).output, Output::kJson);
  EXPECT_EQ(parsed<ShowStatus>({"status", "3", "--output", "json"}).sweep, "3");
  EXPECT_EQ(parsed<Workers>({"workers", "--output", "json"}).output, Output::kJson);
  EXPECT_EQ(parsed<Explain>({"explain", "3f9a"}).trial, "3f9a");
  EXPECT_EQ(parsed<Watch>({"watch"}).sweep, "");
}

TEST(CommandLine, LogsChooseAnAttemptAndAnEnd) {
  const auto plain = parsed<Logs>({"logs", "3f9a"});
  EXPECT_EQ(plain.trial, "3f9a");
  EXPECT_EQ(plain.attempt, 0);
  EXPECT_FALSE(plain.follow || plain.tail);
  const auto all = parsed<Logs>({"logs", "3f9a", "--attempt", "2", "--follow", "--tail", "0"});
  EXPECT_EQ(all.attempt, 2);
  EXPECT_TRUE(all.follow);
  EXPECT_EQ(all.tail, 0);
  EXPECT_NE(refusal({"logs", "3f9a", "--attempt", "0"}).find("--attempt"), std::string::npos);
  EXPECT_NE(refusal({"logs", "3f9a", "--tail", "-1"}).find("--tail"), std::string::npos);
}

TEST(CommandLine, GcChangesNothingUnlessAsked) {
  const auto plain = parsed<CollectGarbage>({"gc"});
  EXPECT_FALSE(plain.yes || plain.models);
  EXPECT_EQ(plain.keep_checkpoints, 0);
  const auto all = parsed<CollectGarbage>({"gc", "--yes", "--models", "--keep-checkpoints", "5"});
  EXPECT_TRUE(all.yes && all.models);
  EXPECT_EQ(all.keep_checkpoints, 5);
  EXPECT_NE(refusal({"gc", "--keep-checkpoints", "0"}).find("1 to 1000"), std::string::npos);
  EXPECT_EQ(parsed<Serve>({"serve"}).keep_checkpoints, 2);
  EXPECT_EQ(parsed<Serve>({"serve", "--max-artifact-gib", "1.5"}).max_artifact_gib, 1.5);
  EXPECT_NE(refusal({"serve", "--max-artifact-gib", "-1"}).find("--max-artifact-gib"), std::string::npos);
}

TEST(CommandLine, EachActionIsAVerb) {
  EXPECT_EQ(parsed<Act>({"cancel", "3"}).action, engine::SweepAction::kCancel);
  EXPECT_EQ(parsed<Act>({"pause", "3"}).action, engine::SweepAction::kPause);
  EXPECT_EQ(parsed<Act>({"resume", "norms"}).action, engine::SweepAction::kResume);
  EXPECT_EQ(parsed<Act>({"resume", "norms"}).sweep, "norms");
}

TEST(CommandLine, RetryAndDrainTakeWhatTheyNeed) {
  EXPECT_EQ(parsed<Retry>({"retry", "3", "--variant", "RMSNorm", "--cancelled"}).variant, "RMSNorm");
  EXPECT_TRUE(parsed<Retry>({"retry", "3", "--cancelled"}).cancelled);
  EXPECT_EQ(parsed<Retry>({"retry", "--trial", "3f9a"}).trial, "3f9a");
  EXPECT_EQ(parsed<DrainWorker>({"drain", "node7"}).drain, engine::Drain::kAfterTrial);
  EXPECT_EQ(parsed<DrainWorker>({"drain", "node7", "--now"}).drain, engine::Drain::kNow);
  EXPECT_EQ(parsed<DrainWorker>({"undrain", "node7"}).drain, engine::Drain::kNo);
  EXPECT_EQ(parsed<DrainWorker>({"undrain", "node7"}).worker, "node7");
  EXPECT_EQ(parsed<Failures>({"failures"}).sweep, "");
  EXPECT_EQ(parsed<Failures>({"failures", "--output", "json"}).output, Output::kJson);
}

TEST(CommandLine, StatusListsTheTrialsThatAreAskedFor) {
  const auto failed = parsed<ShowStatus>({"status", "3", "--trials", "failed,cancelled", "--variant", "RMSNorm"});
  EXPECT_EQ(failed.states, (std::set{TrialState::kFailed, TrialState::kCancelled}));
  EXPECT_EQ(failed.variant, "RMSNorm");
  EXPECT_TRUE(parsed<ShowStatus>({"status"}).states.empty());
  EXPECT_EQ(parsed<ShowStatus>({"status", "--trials", "failed", "3"}).sweep, "3");
  EXPECT_EQ(refusal({"status", "--trials", "broken"}),
            "coordinator status: --trials: 'broken' is not one of waiting, queued, assigned, running, succeeded, "
            "diverged, stopped, failed, cancelled\nsee: coordinator status --help\n");
}

TEST(CommandLine, AnUnknownVerbIsAnsweredWithTheNearest) {
  EXPECT_EQ(
      refusal({"sumbit", "x.toml"}),
      "coordinator: unknown verb 'sumbit'; did you mean 'submit'?\n"
      "verbs: serve, run, submit, plan, list, status, watch, explain, logs, cancel, pause, resume, retry, failures, "
      "workers, drain, undrain, report, compare, plot, export, verify, backup, gc, catalogue\n"
      "see: coordinator --help\n");
}

TEST(CommandLine, AnUnknownFlagIsAnsweredWithTheNearest) {
  EXPECT_EQ(refusal({"list", "--outputt", "json"}),
            "coordinator list: unknown flag '--outputt'; did you mean '--output'?\n"
            "allowed here: --help, --output, --coordinator\nsee: coordinator list --help\n");
  EXPECT_NE(refusal({"--coordnator", "x", "list"}).find("unknown flag '--coordnator'"), std::string::npos);
}

TEST(CommandLine, WrongValuesSayWhatIsAllowed) {
  EXPECT_EQ(refusal({"list", "--output", "xml"}),
            "coordinator list: --output: 'xml' is not one of json, text\nsee: coordinator list --help\n");
  EXPECT_EQ(refusal({"report", "--format", "pdf"}),
            "coordinator report: --format: 'pdf' is not one of csv, html, json, latex, markdown, text\nsee: "
            "coordinator report --help\n");
  EXPECT_NE(refusal({"run", "f", "--workers", "0"}).find("1 to 4096"), std::string::npos);
  EXPECT_NE(refusal({"run", "f", "--workers", "two"}).find("--workers"), std::string::npos);
  EXPECT_EQ(
      refusal({"serve", "--lease", "5"}),
      "coordinator serve: --heartbeat: 2 s is more than a third of --lease 5 s: one lost message would cost a worker "
      "its lease\nsee: coordinator serve --help\n");
}

TEST(CommandLine, MissingAndSurplusArgumentsAreNamed) {
  EXPECT_EQ(refusal({"cancel"}), "coordinator cancel: SWEEP is required\nsee: coordinator cancel --help\n");
  EXPECT_EQ(refusal({"list", "norms"}),
            "coordinator list: unexpected argument 'norms'\nsee: coordinator list --help\n");
  EXPECT_EQ(refusal({"report", "--state", "a", "--db", "b"}),
            "coordinator report: --state excludes --db\nsee: coordinator report --help\n");
}

// `coordinator failures cancel 17` once cancelled sweep 17.
TEST(CommandLine, OnlyTheFirstWordIsAVerb) {
  EXPECT_EQ(parsed<Failures>({"failures", "cancel"}).sweep, "cancel");
  EXPECT_EQ(refusal({"failures", "cancel", "17"}),
            "coordinator failures: unexpected argument '17'\nsee: coordinator failures --help\n");
  EXPECT_EQ(parsed<ShowStatus>({"status", "list"}).sweep, "list");
  EXPECT_EQ(parsed<ShowStatus>({"status", "run", "--output", "json"}).sweep, "run");
  EXPECT_EQ(parsed<Catalogue>({"catalogue", "run"}).what, "run");
  EXPECT_EQ(parsed<Retry>({"retry", "plan"}).sweep, "plan");
  EXPECT_EQ(parsed<Act>({"cancel", "status"}).action, engine::SweepAction::kCancel);
  EXPECT_EQ(parsed<Report>({"report", "--variant", "list", "plan"}).sweep, "plan");
  EXPECT_NE(refusal({"--help-me", "cancel", "17"}).find("unknown flag '--help-me'"), std::string::npos);
  EXPECT_NE(parse_command_line({"cancel", "list", "--help"}, {}).text.find("Example: coordinator cancel"),
            std::string::npos);
}

TEST(CommandLine, TwoDashesEndTheFlags) {
  EXPECT_EQ(parsed<Act>({"cancel", "--", "3"}).sweep, "3");
  EXPECT_EQ(parsed<ShowStatus>({"status", "--output", "json", "--", "--odd-name"}).sweep, "--odd-name");
  EXPECT_EQ(refusal({"list", "--", "x"}), "coordinator list: unexpected argument 'x'\nsee: coordinator list --help\n");
  EXPECT_EQ(refusal({"cancel", "--"}), "coordinator cancel: SWEEP is required\nsee: coordinator cancel --help\n");
}

// What a script passes whose variable is not set.
TEST(CommandLine, AnEmptyNameIsRefused) {
  EXPECT_EQ(refusal({"cancel", ""}), "coordinator cancel: SWEEP is empty\nsee: coordinator cancel --help\n");
  EXPECT_EQ(refusal({"pause", "--", ""}), "coordinator pause: SWEEP is empty\nsee: coordinator pause --help\n");
  EXPECT_EQ(refusal({"backup", ""}), "coordinator backup: FILE is empty\nsee: coordinator backup --help\n");
  EXPECT_EQ(refusal({"serve", "--state", ""}), "coordinator serve: --state is empty\nsee: coordinator serve --help\n");
  const Arguments wrong[] = {{"status", ""},
                             {"retry", ""},
                             {"retry", "3", "--trial", ""},
                             {"retry", "3", "--variant", ""},
                             {"watch", ""},
                             {"explain", ""},
                             {"drain", ""},
                             {"report", "--variant", "A", "--variant", ""},
                             {"plot", "--out", ""},
                             {"list", "--coordinator", ""},
                             {"submit", ""}};
  for (const auto& arguments : wrong) {
    EXPECT_NE(refusal(arguments).find(" is empty\n"), std::string::npos) << testing::PrintToString(arguments);
  }
}

TEST(CommandLine, PlotExportAndVerify) {
  const auto plot =
      parsed<Plot>({"plot", "3", "--kind", "forest", "--kind", "curves", "--format", "png", "--out", "f"});
  EXPECT_EQ(plot.kinds, (std::vector<std::string>{"forest", "curves"}));
  EXPECT_EQ(plot.format, PlotFormat::kPng);
  EXPECT_EQ(plot.out, "f");
  const auto out = parsed<Export>({"export", "--format", "jsonl", "--data", "digits", "--db", "x.db"});
  EXPECT_EQ(out.format, ExportFormat::kJsonLines);
  EXPECT_EQ(out.how.selection.data, std::vector<std::string>{"digits"});
  EXPECT_EQ(out.place.db, "x.db");
  const auto verify = parsed<Verify>({"verify", "3", "--sample", "25%", "--round", "2"});
  EXPECT_TRUE(verify.sample.is_share);
  EXPECT_DOUBLE_EQ(verify.sample.amount, 0.25);
  EXPECT_EQ(verify.round, 2);
  EXPECT_FALSE(parsed<Verify>({"verify", "--sample", "4"}).sample.is_share);
  for (const char* sample : {"0%", "101%", "-1", "0", "1.5", "x", "%", ""}) {
    EXPECT_NE(refusal({"verify", "--sample", sample}).find("is neither a share"), std::string::npos) << sample;
  }
}

TEST(CommandLine, WithoutArgumentsItShowsItsHelpAsAnError) {
  EXPECT_NE(refusal({}).find("coordinator run sweeps/quickstart.toml --workers 2"), std::string::npos);
}

TEST(CommandLine, VersionIsNotAnError) {
  const auto line = parse_command_line({"--version"}, {});
  EXPECT_EQ(line.exit_code, kOk);
  EXPECT_EQ(line.text, "coordinator " AUTONORM_VERSION "\n");
}

class Help : public testing::TestWithParam<std::string> {};
TEST_P(Help, IsAsWritten) {
  const std::string verb = GetParam();
  const auto line = parse_command_line(verb.empty() ? Arguments{"--help"} : Arguments{verb, "--help"}, {});
  EXPECT_EQ(line.exit_code, kOk);
  EXPECT_FALSE(line.invocation);
  EXPECT_NE(line.text.find("Exit codes:"), std::string::npos);
  if (!verb.empty()) {
    EXPECT_NE(line.text.find("Example: coordinator " + verb), std::string::npos);
  }
  expect_golden(line.text, AUTONORM_SOURCE_DIR "/tests/golden/cli/help" + (verb.empty() ? "" : "-" + verb) + ".txt");
}
INSTANTIATE_TEST_SUITE_P(CommandLine, Help,
                         testing::Values("", "serve", "run", "submit", "plan", "list", "status", "watch", "explain",
                                         "logs", "cancel", "pause", "resume", "retry", "failures", "workers", "drain",
                                         "undrain", "report", "compare", "plot", "export", "verify", "backup", "gc",
                                         "catalogue"));

TEST(CommandLine, NumbersOutOfRangeAreRefusedWithTheRange) {
  using testing::HasSubstr;
  for (const std::string wrong : {"nan", "inf", "-1", "x"}) {
    EXPECT_THAT(refusal({"verify", "--tolerance", wrong}),
                HasSubstr("--tolerance: '" + wrong + "' is not a number from 0 to 1e9, in the unit of the metric"));
  }
  EXPECT_EQ(parsed<Verify>({"verify", "--tolerance", "0"}).tolerance, 0.0);
  EXPECT_THAT(refusal({"verify", "--round", "0"}), HasSubstr("--round: '0' is not a whole number from 1 to 1000000"));
  EXPECT_THAT(refusal({"logs", "3f9a", "--attempt", "0"}), HasSubstr("'0' is not a whole number from 1 to"));
  EXPECT_THAT(refusal({"logs", "3f9a", "--tail", "-1"}), HasSubstr("'-1' is not a whole number from 0 to"));
  EXPECT_THAT(refusal({"serve", "--max-artifact-gib", "nan"}), HasSubstr("'nan' is not a number from 0 to 1e9"));
}

TEST(CommandLine, AnEmptyCellIsNoCell) {
  EXPECT_THAT(refusal({"report", "--explain-cell", ""}), testing::HasSubstr("write VARIANT/CELL"));
}

}  // namespace
}  // namespace autonorm::cli
