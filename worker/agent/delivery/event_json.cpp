#include "worker/agent/delivery/event_json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace autonorm::agent {
namespace {

using nlohmann::json;

json number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}
double number(const json& value) {
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  return value.get<double>();
}
json numbers(const std::map<std::string, double>& values) {
  json object = json::object();
  for (const auto& [key, value] : values) object[key] = number(value);
  return object;
}
std::map<std::string, double> numbers(const json& object) {
  std::map<std::string, double> values;
  for (const auto& [key, value] : object.items()) values[key] = number(value);
  return values;
}

json to_json(const fleet::Ready& e) { return {{"type", "ready"}, {"state", e.state}, {"endpoint", e.endpoint}}; }
json to_json(const fleet::Metrics& e) {
  json points = json::array();
  for (const auto& point : e.points) points.push_back({point.metric, point.step, number(point.value)});
  return {{"type", "metrics"}, {"points", points}};
}
json to_json(const fleet::NormStats& e) {
  json stats = json::array();
  for (const auto& stat : e.stats) stats.push_back({stat.site, stat.step, numbers(stat.values)});
  return {{"type", "norm_stats"}, {"stats", stats}};
}
json to_json(const fleet::CheckpointSaved& e) {
  return {{"type", "checkpoint"}, {"step", e.step}, {"manifest", e.manifest.value()}, {"bytes", e.bytes}};
}
json to_json(const fleet::LogLine& e) { return {{"type", "log"}, {"level", e.level}, {"text", e.text}}; }
json to_json(const fleet::Finished& e) {
  json artifacts = json::object();
  for (const auto& [role, hash] : e.artifacts) artifacts[role] = hash.value();
  return {{"type", "finished"}, {"reason", name(e.reason)}, {"results", numbers(e.results)},
          {"facts", e.facts},   {"initial", e.initial},     {"artifacts", artifacts}};
}
json to_json(const fleet::Failed& e) {
  return {{"type", "failed"},
          {"reason", name(e.reason)},
          {"message", e.message},
          {"signal", e.signal},
          {"exit_code", e.exit_code},
          {"log_tail", e.log_tail},
          {"memory", {e.memory.resident_bytes, e.memory.limit_bytes, e.memory.oom_kills}},
          {"unusable", e.unusable.value()}};
}

EndReason reason(const json& word) {
  const auto parsed = parse_end_reason(word.get<std::string>());
  // Caught below, with every other wrong field.
  if (!parsed) throw json::other_error::create(501, "not an end reason", nullptr);
  return *parsed;
}

fleet::EventBody body_from(const json& in) {
  const auto type = in.at("type").get<std::string>();
  if (type == "ready") return fleet::Ready{in.at("state"), in.at("endpoint")};
  if (type == "metrics") {
    fleet::Metrics metrics;
    for (const json& p : in.at("points")) metrics.points.push_back({p.at(0), p.at(1).get<int64_t>(), number(p.at(2))});
    return metrics;
  }
  if (type == "norm_stats") {
    fleet::NormStats stats;
    for (const json& s : in.at("stats")) stats.stats.push_back({s.at(0), s.at(1).get<int64_t>(), numbers(s.at(2))});
    return stats;
  }
  if (type == "checkpoint") {
    return fleet::CheckpointSaved{in.at("step").get<int64_t>(), Sha256(in.at("manifest")),
                                  in.at("bytes").get<int64_t>()};
  }
  if (type == "log") return fleet::LogLine{in.at("level"), in.at("text")};
  if (type == "finished") {
    fleet::Finished e{reason(in.at("reason")), numbers(in.at("results")), in.at("facts"), in.at("initial"), {}};
    for (const auto& [role, hash] : in.at("artifacts").items()) e.artifacts[role] = Sha256(hash.get<std::string>());
    return e;
  }
  if (type == "failed") {
    fleet::Failed e{reason(in.at("reason")), in.at("message"),  in.at("signal"),
                    in.at("exit_code"),      in.at("log_tail"), {}};
    if (const auto memory = in.find("memory"); memory != in.end()) {  // older spools have none
      e.memory = {memory->at(0).get<int64_t>(), memory->at(1).get<int64_t>(), memory->at(2).get<int64_t>()};
    }
    e.unusable = Sha256(in.value("unusable", ""));  // likewise
    return e;
  }
  throw json::other_error::create(501, "not an event type", nullptr);
}

}  // namespace

bool is_terminal(const fleet::EventBody& body) {
  return std::holds_alternative<fleet::Finished>(body) || std::holds_alternative<fleet::Failed>(body);
}

std::string encode_line(const SpooledEvent& event) {
  const json body = std::visit([](const auto& e) { return to_json(e); }, event.body);
  const json line = {{"seq", event.seq.value()}, {"needs", event.needs}, {"event", body}};
  return line.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<SpooledEvent> decode_line(std::string_view line) {
  try {
    const json in = json::parse(line);
    return SpooledEvent{Seq(in.at("seq").get<int64_t>()), body_from(in.at("event")), in.at("needs")};
  } catch (const json::exception& error) {
    return invalid("a spooled event cannot be read: ", error.what());
  }
}

}  // namespace autonorm::agent
