#include "coordinator/report/render.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/report/comparison.h"
#include "coordinator/report/document.h"
#include "coordinator/report/explain_cell.h"
#include "coordinator/report/failures.h"
#include "coordinator/report/html.h"
#include "coordinator/report/in_parallel.h"
#include "coordinator/report/latex.h"
#include "coordinator/report/origins.h"
#include "coordinator/report/registration.h"
#include "coordinator/report/selection.h"
#include "coordinator/report/tidy.h"
#include "coordinator/report/words.h"

namespace autonorm::report {
namespace {

using Json = nlohmann::ordered_json;

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

Json sweep_json(const ReportData& data, const Comparison& comparison) {
  const SweepRow& sweep = data.sweep;
  return {{"id", sweep.id.value()},
          {"name", sweep.name},
          {"question", sweep.question},
          {"baseline", sweep.baseline},
          {"metric", sweep.metric},
          {"profile", sweep.profile},
          {"margin", sweep.margin},
          {"alpha", sweep.alpha},
          {"seeds", sweep.seeds},
          {"variants", sweep.variants},
          {"matrix", sweep.matrix_keys},
          {"trials", comparison.trials},
          {"finished", comparison.finished},
          {"interim", comparison.interim()}};
}

Json method_json(const SweepRow& sweep, const Comparison& comparison) {
  return {{"test", comparison.test == TestMethod::kStudent ? "paired Student t, two-sided" : "sign-flip, two-sided"},
          {"interval", interval_name(comparison.interval)},
          {"confidence", 1 - sweep.alpha},
          {"correction", "Holm"},
          {"comparisons", comparison.family},
          {"equivalence", "TOST, paired Student t"},
          {"equivalence_comparisons", comparison.equivalence_family}};
}

Json value_json(const TidyValue& value) {
  return std::visit(
      [](const auto& content) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(content)>, std::monostate>) {
          return nullptr;
        } else {
          return content;
        }
      },
      value);
}

Json failures_json(const ReportData& data) {
  Json groups = Json::array();
  for (const FailureGroup& group : failure_groups(data)) {
    groups.push_back({{"count", group.count},
                      {"end_reason", name(group.end)},
                      {"text", group.text},
                      {"example", group.example.value()}});
  }
  return groups;
}

Json origins_json(const ReportData& data) {
  Json origins = Json::array();
  for (const MixedOrigin& mixed : mixed_origins(data)) {
    origins.push_back(
        {{"fact", mixed.fact}, {"trials", mixed.trials}, {"pairs", mixed.pairs}, {"pairs_mixed", mixed.mixed}});
  }
  return origins;
}

std::string json_of(const ReportData& data, const Comparison& comparison, const TidyTable& table, const char* key) {
  Json rows = Json::array();
  for (const auto& row : table.rows) {
    Json object = Json::object();
    for (size_t i = 0; i < row.size(); ++i) object[table.columns[i]] = value_json(row[i]);
    rows.push_back(std::move(object));
  }
  Json root = {{"sweep", sweep_json(data, comparison)}, {"method", method_json(data.sweep, comparison)}};
  const Registration registration = registration_of(data);
  root["registration"] = {{"registered", registration.registered}, {"text", registration.text}};
  root["summary"] = progress_text(data);
  root["remarks"] = data.remarks;
  root["failures"] = failures_json(data);
  root["mixed_origins"] = origins_json(data);
  root[key] = std::move(rows);
  // Names come from files: bytes that are not UTF-8 are replaced instead of refused.
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
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
  const Comparison comparison = compare(data, options);
  const auto document = [&] { return options.trials ? trials_document(data) : comparison_document(data, comparison); };
  const auto table = [&] { return options.trials ? tidy_trials(data) : tidy_comparison(data, comparison); };
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
      return json_of(data, comparison, table(), options.trials ? "trials" : "rows");
  }
  return internal("unknown report format");
}

}  // namespace autonorm::report
