#include "worker/control_json.h"

#include <cmath>
#include <limits>

namespace autonorm::worker {

using nlohmann::json;

std::string FieldWriter::line() const { return object_.dump(-1, ' ', false, json::error_handler_t::replace); }

json FieldWriter::write(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

json FieldWriter::write(StopKind kind) { return kind == StopKind::kCheckpoint ? "checkpoint" : "now"; }

json FieldWriter::write(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }

// [metric, step, value]: a third of the bytes of objects.
json FieldWriter::write(const std::vector<Point>& points) {
  json list = json::array();
  for (const Point& point : points) list.push_back({point.metric, point.step, write(point.value)});
  return list;
}

std::string FieldReader::error() {
  if (error_.empty() && object_.size() != known_) error_ = "there is an unknown field";
  return error_;
}

bool FieldReader::read(const json& in, std::string& out) {
  return in.is_string() && (out = in.get<std::string>(), true);
}

bool FieldReader::read(const json& in, bool& out) { return in.is_boolean() && (out = in.get<bool>(), true); }

bool FieldReader::read(const json& in, int64_t& out) {
  if (!in.is_number_integer()) return false;
  if (in.is_number_unsigned() && in.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) return false;
  out = in.get<int64_t>();
  return true;
}

bool FieldReader::read(const json& in, int& out) {
  int64_t wide = 0;
  if (!read(in, wide) || wide != static_cast<int>(wide)) return false;
  out = static_cast<int>(wide);
  return true;
}

bool FieldReader::read(const json& in, double& out) {
  if (in.is_number()) return out = in.get<double>(), true;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (in == "nan") return out = std::numeric_limits<double>::quiet_NaN(), true;
  if (in == "inf") return out = kInfinity, true;
  if (in == "-inf") return out = -kInfinity, true;
  return false;
}

bool FieldReader::read(const json& in, StopKind& out) {
  out = in == "checkpoint" ? StopKind::kCheckpoint : StopKind::kNow;
  return in == "checkpoint" || in == "now";
}

bool FieldReader::read(const json& in, std::optional<std::string>& out) {
  if (in.is_null()) return out.reset(), true;
  return read(in, out.emplace());
}

bool FieldReader::read(const json& in, std::vector<Point>& out) {
  if (!in.is_array()) return false;
  out.reserve(in.size());
  for (const json& item : in) {
    Point& point = out.emplace_back();
    if (!item.is_array() || item.size() != 3) return false;
    if (!read(item[0], point.metric) || !read(item[1], point.step) || !read(item[2], point.value)) return false;
  }
  return true;
}

}  // namespace autonorm::worker
