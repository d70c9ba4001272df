#include "coordinator/export/tables.h"

#include <cmath>

namespace autonorm::exporting {
namespace {

using report::TidyTable;
using report::TidyValue;

TidyTable empty_table(const std::vector<std::string>& label_keys, const std::vector<std::string>& own) {
  TidyTable table;
  table.columns = {"variant"};
  table.columns.insert(table.columns.end(), label_keys.begin(), label_keys.end());
  table.columns.insert(table.columns.end(), {"seed", "trial"});
  table.columns.insert(table.columns.end(), own.begin(), own.end());
  return table;
}

std::vector<TidyValue> label_fields(const report::TrialRow& row, const std::vector<std::string>& label_keys) {
  std::vector<TidyValue> fields = {row.variant};
  for (const std::string& key : label_keys) {
    const auto found = row.labels->find(key);
    fields.push_back(found == row.labels->end() ? TidyValue() : TidyValue(found->second));
  }
  fields.emplace_back(row.seed);
  fields.emplace_back(row.trial.value());
  return fields;
}

TidyValue finite(double value) { return std::isfinite(value) ? TidyValue(value) : TidyValue(); }

TidyValue seconds(const std::optional<WallTime>& time) {
  return time ? TidyValue(static_cast<double>(to_us(*time)) / 1e6) : TidyValue();
}

void add_points(const std::vector<report::CurvePoint>& points, const std::vector<TidyValue>& before, TidyTable& table) {
  for (const report::CurvePoint& point : points) {
    std::vector<TidyValue> fields = before;
    fields.emplace_back(point.step);
    fields.push_back(finite(point.value));
    fields.emplace_back(int64_t{point.attempt});
    table.rows.push_back(std::move(fields));
  }
}

}  // namespace

TidyTable curve_table(const report::TrialRow& row, const report::TrialHistory& history,
                      const std::vector<std::string>& label_keys) {
  TidyTable table = empty_table(label_keys, {"metric", "step", "value", "attempt"});
  for (const report::Curve& curve : history.curves) {
    std::vector<TidyValue> fields = label_fields(row, label_keys);
    fields.emplace_back(curve.metric);
    add_points(curve.points, fields, table);
  }
  return table;
}

TidyTable norm_table(const report::TrialRow& row, const report::TrialHistory& history,
                     const std::vector<std::string>& label_keys) {
  TidyTable table = empty_table(label_keys, {"site", "name", "step", "value", "attempt"});
  for (const report::NormCurve& curve : history.norms) {
    std::vector<TidyValue> fields = label_fields(row, label_keys);
    fields.emplace_back(curve.site);
    fields.emplace_back(curve.name);
    add_points(curve.points, fields, table);
  }
  return table;
}

TidyTable attempt_table(const report::TrialRow& row, const report::TrialHistory& history,
                        const std::vector<std::string>& label_keys) {
  TidyTable table = empty_table(label_keys, {"attempt", "rank", "worker", "assigned", "running", "ended", "end"});
  for (const report::AttemptRow& attempt : history.attempts) {
    for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
      std::vector<TidyValue> fields = label_fields(row, label_keys);
      fields.emplace_back(int64_t{attempt.number});
      fields.emplace_back(static_cast<int64_t>(rank));
      fields.emplace_back(attempt.workers[rank]);
      fields.push_back(seconds(attempt.assigned));
      fields.push_back(seconds(attempt.running));
      fields.push_back(seconds(attempt.ended));
      fields.push_back(attempt.end ? TidyValue(std::string(name(*attempt.end))) : TidyValue());
      table.rows.push_back(std::move(fields));
    }
  }
  return table;
}

}  // namespace autonorm::exporting
