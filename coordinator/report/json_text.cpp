#include "coordinator/report/json_text.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>
#include <variant>

#include "coordinator/report/document.h"
#include "coordinator/report/failures.h"
#include "coordinator/report/origins.h"
#include "coordinator/report/registration.h"
#include "coordinator/report/tidy.h"
#include "coordinator/report/words.h"

namespace autonorm::report {
namespace {

using Json = nlohmann::ordered_json;

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

// Names come from files: bytes that are not UTF-8 are replaced instead of refused.
std::string dumped(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

void append_value(std::string& text, const TidyValue& value) {
  std::visit(
      [&](const auto& content) {
        if constexpr (std::is_same_v<std::decay_t<decltype(content)>, std::monostate>) {
          text += "null";
        } else {
          text += dumped(Json(content), -1);
        }
      },
      value);
}

// Appends `,` and the row as an object at the second level of the document.
AppendRow objects_of(const std::vector<std::string>& columns) {
  std::vector<std::string> keys;
  for (const std::string& column : columns) keys.push_back("\n      " + dumped(column, -1) + ": ");
  return [keys = std::move(keys)](std::string& text, const std::vector<TidyValue>& row) {
    text += ",\n    {";
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += ',';
      text += keys[i];
      append_value(text, row[i]);
    }
    text += "\n    }";
  };
}

// `rows`: as objects_of() appends them; they are most of the text and are no values of a document first.
std::string document_text(const ReportData& data, const Comparison& comparison, const char* key,
                          const std::string& rows) {
  Json root = {{"sweep", sweep_json(data, comparison)}, {"method", method_json(data.sweep, comparison)}};
  const Registration registration = registration_of(data);
  root["registration"] = {{"registered", registration.registered}, {"text", registration.text}};
  root["summary"] = progress_text(data);
  root["remarks"] = data.remarks;
  root["failures"] = failures_json(data);
  root["mixed_origins"] = origins_json(data);
  std::string text = dumped(root, 2);
  text.resize(text.size() - 2);  // "\n}"
  text.append(",\n  \"").append(key).append("\": [");
  if (!rows.empty()) text.append(rows, 1).append("\n  ");
  return text + "]\n}\n";
}

}  // namespace

std::string comparison_json(const ReportData& data, const Comparison& comparison) {
  const AppendRow append = objects_of(comparison_columns(data, comparison));
  return document_text(data, comparison, "rows", comparison_texts(data, comparison, append));
}

std::string trials_json(const ReportData& data, const Comparison& comparison) {
  const TidyTable table = tidy_trials(data);
  return document_text(data, comparison, "trials", table_texts(table, objects_of(table.columns)));
}

}  // namespace autonorm::report
