#include "coordinator/export/json_lines.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace autonorm::exporting {
namespace {

using Json = nlohmann::ordered_json;

Json number_json(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json points_json(const std::vector<report::CurvePoint>& points) {
  Json list = Json::array();
  for (const report::CurvePoint& point : points) list.push_back({point.step, number_json(point.value), point.attempt});
  return list;
}

Json time_json(const std::optional<WallTime>& time) {
  return time ? Json(static_cast<double>(to_us(*time)) / 1e6) : Json(nullptr);
}

Json attempts_json(const std::vector<report::AttemptRow>& attempts) {
  Json list = Json::array();
  for (const report::AttemptRow& attempt : attempts) {
    list.push_back({{"number", attempt.number},
                    {"assigned", time_json(attempt.assigned)},
                    {"running", time_json(attempt.running)},
                    {"ended", time_json(attempt.ended)},
                    {"end", attempt.end ? Json(std::string(name(*attempt.end))) : Json(nullptr)},
                    {"workers", attempt.workers}});
  }
  return list;
}

}  // namespace

std::string json_line(const report::SweepRow& sweep, const report::TrialRow& row, const report::TrialHistory& history) {
  Json results = Json::object(), curves = Json::object(), norms = Json::object();
  for (const auto& [metric, value] : row.results) results[metric] = number_json(value);
  for (const report::Curve& curve : history.curves) curves[curve.metric] = points_json(curve.points);
  for (const report::NormCurve& curve : history.norms) norms[curve.site][curve.name] = points_json(curve.points);
  const Json line = {{"sweep", sweep.id.value()},
                     {"sweep_name", sweep.name},
                     {"variant", row.variant},
                     {"labels", *row.labels},
                     {"seed", row.seed},
                     {"trial", row.trial.value()},
                     {"state", std::string(name(row.state))},
                     {"end", row.end ? Json(std::string(name(*row.end))) : Json(nullptr)},
                     {"ranks", row.ranks},
                     {"duration_s", row.duration_s},
                     {"device", *row.device},
                     {"configuration", *row.configuration},
                     {"results", std::move(results)},
                     {"facts", report::facts_of(row)},
                     {"curves", std::move(curves)},
                     {"norms", std::move(norms)},
                     {"attempts", attempts_json(history.attempts)}};
  // Names come from files: bytes that are not UTF-8 are replaced instead of refused.
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace autonorm::exporting
