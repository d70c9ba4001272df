// Verbs about results: report, compare, plot, export, verify.
#include <charconv>
#include <cmath>
#include <limits>

#include "coordinator/cli/verb_list.h"
#include "coordinator/plot/registry.h"
#include "coordinator/report/words.h"
#include "core/config/alpha_range.h"

namespace autonorm::cli {
namespace {

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

}  // namespace

void VerbList::add_report() {
  auto report =
      add<Report>("report", "compare the variants of a sweep with its baseline", "report --format csv > results.csv");
  verb().add_option("SWEEP", report->sweep, kSweepHelp)->type_name("");
  verb().add_flag("--trials", report->how.trials, "one row per trial and label instead of the comparison");
  variant_flags(report->how.selection);
  verb()
      .add_option("--explain-cell", report->how.explain_cell, "where the numbers of VARIANT/CELL come from, as text")
      ->type_name("V/C")
      ->check(CLI::Validator(
          [](std::string& cell) {
            return cell.empty() ? "names no cell; write VARIANT/CELL, e.g. 'RMSNorm/mnist'" : std::string();
          },
          ""));
  report_flags(*report);
}

void VerbList::add_compare() {
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

void VerbList::add_plot() {
  auto plot = add<Plot>("plot", "draw a sweep: differences, learning curves, costs, what norms learned, workers",
                        "plot --kind forest --format png --out figures");
  verb().add_option("SWEEP", plot->sweep, kSweepHelp)->type_name("");
  verb()
      .add_option("--kind", plot->kinds, cat(plot_kinds(), "; repeatable; without it, all"))
      ->type_name("K")
      ->allow_extra_args(false);
  word_flag("--format", plot->format, kPlotFormats,
            "svg; png, which pdflatex includes; or data: the numbers (csv) and the gnuplot scripts; the numbers are "
            "written in any case",
            "F");
  verb().add_option("--out", plot->out, "folder for the files")->type_name("DIR")->capture_default_str();
  variant_flags(plot->how.selection);
  selection_flags(plot->how);
  place_flags(plot->place);
}

void VerbList::add_export() {
  auto out = add<Export>("export", "write a sweep's curves, norm values and results for other tools",
                         "export --format tensorboard --out runs/board");
  verb().add_option("SWEEP", out->sweep, kSweepHelp)->type_name("");
  word_flag(
      "--format", out->format, kExportFormats,
      "tensorboard: event files, one run per trial; points have no time of their own in the database, so their wall "
      "times are interpolated between start and end of the attempt; jsonl: one line per trial; csv: five tables",
      "F");
  verb().add_option("--out", out->out, "folder for the files")->type_name("DIR")->capture_default_str();
  variant_flags(out->how.selection);
  selection_flags(out->how);
  place_flags(out->place);
}

void VerbList::add_verify() {
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
      ->type_name("N")
      ->check(whole_number_in(0, std::numeric_limits<int64_t>::max()));
  verb()
      .add_option("--round", verify->round, "another round trains the same sample yet again")
      ->type_name("N")
      ->check(whole_number_in(1, 1'000'000))
      ->capture_default_str();
  verb()
      .add_option("--tolerance", verify->tolerance,
                  "difference in the sweep's metric that still counts as reproduced; else its margin, or 0.001")
      ->type_name("X")
      ->check(number_in(0, 1e9, "a number from 0 to 1e9, in the unit of the metric"));
  coordinator_flag();
}

void VerbList::variant_flags(report::Selection& selection) {
  verb()
      .add_option("--variant", selection.variants, "only this variant and the baseline; repeatable")
      ->type_name("V")
      ->allow_extra_args(false);
  verb()
      .add_option("--baseline", selection.baseline, "compare with this variant instead of the sweep's")
      ->type_name("V");
}

// What report and compare share.
void VerbList::report_flags(Report& report) {
  word_flag(
      "--format", report.how.format, kFormats,
      "text, csv, json, markdown, latex (tables to \\input; the first line names the packages) or html (a page with "
      "pictures)",
      "F");
  selection_flags(report.how);
  place_flags(report.place);
}

void VerbList::selection_flags(report::ReportOptions& how) {
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
  verb()
      .add_option("--alpha", selection.alpha, "error rate instead of the sweep's")
      ->type_name("X")
      ->check(number_in(config::kSmallestAlpha, config::kLargestAlpha,
                        cat("a number from ", config::kSmallestAlpha, " to ", config::kLargestAlpha, ", e.g. 0.05")));
  verb()
      .add_option("--margin", selection.margin, "smallest difference that matters instead of the sweep's")
      ->type_name("X")
      ->check(number_in(std::numeric_limits<double>::min(), std::numeric_limits<double>::max(),
                        "a number above 0, in the unit of the metric, e.g. 0.01"));
}

void VerbList::place_flags(ArchivePlace& place) {
  auto* state = verb()
                    .add_option("--state", place.state, "read this state directory instead of asking the coordinator")
                    ->type_name("DIR");
  verb()
      .add_option("--db", place.db, "read this database instead of asking the coordinator")
      ->type_name("FILE")
      ->excludes(state);
  coordinator_flag();
}

}  // namespace autonorm::cli
