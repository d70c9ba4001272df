#include "coordinator/report/selection.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "coordinator/report/comparison.h"
#include "coordinator/report/names.h"
#include "core/base/text.h"
#include "core/config/alpha_range.h"
#include "core/config/catalogue.h"

namespace autonorm::report {
namespace {

using Words = std::vector<std::string>;

bool holds(const Words& words, const std::string& word) { return std::ranges::find(words, word) != words.end(); }

Status no_such(const std::string& what, const std::string& word, const ReportData& data, const Words& known) {
  const std::string near = nearest(word, known);
  return invalid("sweep ", data.sweep.id, " has no ", what, " '", word, "'", "; it has ",
                 known.empty() ? std::string("none") : quoted(known),
                 near.empty() ? "" : cat("; did you mean '", near, "'?"));
}

// The whole text as a finite number.
std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && last == end && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

Words values_of(const ReportData& data, const std::string& key) {
  std::set<std::string> values;
  for (const TrialRow& row : data.trials) {
    if (const auto found = row.labels->find(key); found != row.labels->end()) values.insert(found->second);
  }
  return {values.begin(), values.end()};
}

// The recorded form of what was asked for: 3e-3 for 0.003, since labels that are numbers are compared as numbers.
std::optional<std::string> recorded_form(const std::string& value, const Words& known) {
  if (holds(known, value)) return value;
  const auto wanted = parse_number(value);
  if (!wanted) return std::nullopt;
  const auto same = std::ranges::find_if(known, [&](const std::string& text) { return parse_number(text) == wanted; });
  return same == known.end() ? std::nullopt : std::optional(*same);
}

struct Condition {
  std::string key;
  Words values;
};

void add_condition(std::vector<Condition>& conditions, const std::string& key, const std::string& value) {
  for (Condition& condition : conditions) {
    if (condition.key == key) return condition.values.push_back(value);
  }
  conditions.push_back({key, {value}});
}

Result<std::vector<Condition>> conditions_of(const Selection& selection, const ReportData& data) {
  std::vector<Condition> conditions;
  for (const std::string& value : selection.data) add_condition(conditions, "data.name", value);
  for (const std::string& text : selection.where) {
    const size_t sign = text.find('=');
    if (sign == std::string::npos || sign == 0) {
      return invalid("--where '", text, "' is not of the form KEY=VALUE, e.g. data.name=mnist");
    }
    add_condition(conditions, text.substr(0, sign), text.substr(sign + 1));
  }
  const Words keys = label_keys_of(data);
  for (Condition& condition : conditions) {
    if (!holds(keys, condition.key)) return no_such("matrix key", condition.key, data, keys);
    const Words known = values_of(data, condition.key);
    for (std::string& value : condition.values) {
      auto recorded = recorded_form(value, known);
      if (!recorded) return no_such(condition.key, value, data, known);
      value = *std::move(recorded);
    }
  }
  return conditions;
}

bool meets(const TrialRow& row, const std::vector<Condition>& conditions) {
  return std::ranges::all_of(conditions, [&](const Condition& condition) {
    const auto found = row.labels->find(condition.key);
    return found != row.labels->end() && holds(condition.values, found->second);
  });
}

Status check_metric(const std::string& metric, const ReportData& data) {
  Words recorded;
  for (const std::string& name : metrics_of(data)) {
    const bool seen = std::ranges::any_of(data.trials, [&](const TrialRow& row) { return row.results.contains(name); });
    if (seen) recorded.push_back(name);
  }
  const bool nothing_yet = recorded.empty() && config::find_metric(metric) != nullptr;
  if (nothing_yet || holds(recorded, metric)) return {};
  return no_such("recorded metric", metric, data, recorded);
}

Status check_numbers(const Selection& selection) {
  if (selection.alpha && !(*selection.alpha >= config::kSmallestAlpha && *selection.alpha <= config::kLargestAlpha)) {
    return invalid("--alpha ", *selection.alpha, " is out of range; allowed: a number from ", config::kSmallestAlpha,
                   " to ", config::kLargestAlpha, "; customary is 0.05");
  }
  if (selection.margin && !(*selection.margin > 0 && *selection.margin < HUGE_VAL)) {
    return invalid("--margin ", *selection.margin, " is not a number above 0, in the unit of the metric, e.g. 0.01");
  }
  return {};
}

Status check_names(const Selection& selection, const ReportData& data) {
  const Words variants = variants_of(data);
  for (const std::string& variant : selection.variants) {
    if (!holds(variants, variant)) return no_such("variant", variant, data, variants);
  }
  if (selection.baseline && !holds(variants, *selection.baseline)) {
    return no_such("variant", *selection.baseline, data, variants).with_context("--baseline");
  }
  if (selection.metric) return check_metric(*selection.metric, data);
  return {};
}

template <class Value>
void replace(Value& registered, const std::optional<Value>& wanted, const char* what, Words& departures) {
  if (!wanted || *wanted == registered) return;
  departures.push_back(cat(what, " ", *wanted, " instead of ", registered));
  registered = *wanted;
}

// The sweep's margin is in the unit of its own metric.
void replace_margin(const Selection& selection, bool changes_metric, ReportData& data) {
  double& margin = data.sweep.margin;
  if (selection.margin || !changes_metric || margin <= 0)
    return replace(margin, selection.margin, "margin", data.departures);
  data.departures.push_back(
      cat("no margin, for ", margin, " is one of the sweep's own metric; --margin sets one for ", data.sweep.metric));
  margin = 0;
}

void note_methods(const ReportOptions& options, Words& departures) {
  if (options.interval == IntervalMethod::kBca) departures.push_back("BCa bootstrap interval instead of Student's t");
  if (options.interval == IntervalMethod::kPermutation) {
    departures.push_back("permutation interval instead of Student's t");
  }
  if (options.test == TestMethod::kSignFlip) departures.push_back("sign-flip p instead of Student's t");
}

}  // namespace

Result<ReportData> select(ReportData data, const ReportOptions& options) {
  const Selection& selection = options.selection;
  AUTONORM_RETURN_IF_ERROR(check_numbers(selection));
  AUTONORM_RETURN_IF_ERROR(check_names(selection, data));
  const auto conditions = conditions_of(selection, data);
  if (!conditions.ok()) return conditions.status();
  const bool changes_metric = selection.metric && *selection.metric != data.sweep.metric;
  replace(data.sweep.metric, selection.metric, "metric", data.departures);
  replace(data.sweep.baseline, selection.baseline, "baseline", data.departures);
  replace_margin(selection, changes_metric, data);
  replace(data.sweep.alpha, selection.alpha, "alpha", data.departures);
  note_methods(options, data.departures);
  const size_t before = data.trials.size();
  std::erase_if(data.trials, [&](const TrialRow& row) {
    const bool wanted =
        selection.variants.empty() || row.variant == data.sweep.baseline || holds(selection.variants, row.variant);
    return !wanted || !meets(row, *conditions);
  });
  if (data.trials.empty() && before > 0) {
    return invalid("nothing of sweep ", data.sweep.id,
                   " is selected: no cell meets all conditions of --variant, --data and --where");
  }
  if (data.trials.size() < before) {
    data.departures.push_back(cat("a selection of ", data.trials.size(), " of ", before, " trials"));
  }
  return data;
}

}  // namespace autonorm::report
