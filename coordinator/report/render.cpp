#include "coordinator/report/render.h"

#include <utility>

#include "coordinator/report/comparison.h"
#include "coordinator/report/document.h"
#include "coordinator/report/explain_cell.h"
#include "coordinator/report/html.h"
#include "coordinator/report/in_parallel.h"
#include "coordinator/report/json_text.h"
#include "coordinator/report/latex.h"
#include "coordinator/report/selection.h"
#include "coordinator/report/tidy.h"

namespace autonorm::report {
namespace {

std::string text_of(const Document& document, bool colour) {
  std::string text = document.title + "\n";
  for (const std::string& line : document.preamble) text += line + "\n";
  const auto sections = in_parallel<std::string>(document.sections.size(), [&](size_t i) {
    const Section& section = document.sections[i];
    return "\n" + section.heading + "\n" + aligned_text(section.table, colour);
  });
  for (const std::string& section : sections) text += section;
  if (!document.footnotes.empty()) text += "\n";
  for (const std::string& note : document.footnotes) text += note + "\n";
  return text;
}

std::string markdown_of(const Document& document) {
  std::string text = "## " + markdown_escaped(document.title) + "\n";
  for (const std::string& line : document.preamble) text += "\n" + markdown_escaped(line) + "\n";
  for (const Section& section : document.sections) {
    text += "\n### " + markdown_escaped(section.heading) + "\n\n" + markdown_text(section.table);
  }
  for (const std::string& note : document.footnotes) text += "\n" + markdown_escaped(note) + "\n";
  return text;
}

}  // namespace

Result<std::string> render(ReportData everything, const ReportOptions& options) {
  const auto selected = select(std::move(everything), options);
  if (!selected.ok()) return selected.status();
  const ReportData& data = *selected;
  if (!options.explain_cell.empty()) {
    if (options.trials || options.format != Format::kText) {
      return invalid("--explain-cell is a text of its own: leave out --trials and --format, or --explain-cell");
    }
    return explain_cell(data, options.explain_cell);
  }
  const bool for_machines = options.format == Format::kCsv || options.format == Format::kJson;
  const Comparison comparison =
      compare(data, options, for_machines ? ComparedMetrics::kAll : ComparedMetrics::kPrimary);
  const auto document = [&] { return options.trials ? trials_document(data) : comparison_document(data, comparison); };
  switch (options.format) {
    case Format::kText:
      return text_of(document(), options.colour);
    case Format::kMarkdown:
      return markdown_of(document());
    case Format::kLatex:
      return latex_text(document());
    case Format::kHtml:
      return html_text(document());
    case Format::kCsv:
      return options.trials ? csv_text(tidy_trials(data)) : comparison_csv(data, comparison);
    case Format::kJson:
      return options.trials ? trials_json(data, comparison) : comparison_json(data, comparison);
  }
  return internal("unknown report format");
}

}  // namespace autonorm::report
