// Each message lists its fields once, in fields(); Writer and Reader walk that list, so encode and decode cannot
// differ.
#include "worker/control_protocol.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace autonorm::worker {
namespace {

using nlohmann::json;

template <class A>
void fields(A& a, RunCommand& c) {
  a("trial", c.trial), a("attempt", c.attempt), a("directory", c.directory), a("config_file", c.config_file);
  a("device", c.device), a("rank", c.rank), a("size", c.size), a("listen_host", c.listen_host);
  a("resume", c.resume), a("inputs", c.inputs);
}
template <class A>
void fields(A& a, JoinCommand& c) {
  a("endpoint", c.endpoint);
}
template <class A>
void fields(A& a, StopCommand& c) {
  a("kind", c.kind);
}
template <class A>
void fields(A&, ExitCommand&) {}
template <class A>
void fields(A& a, HelloEvent& e) {
  a("protocol", e.protocol), a("pid", e.pid), a("torch", e.torch), a("cpu_capability", e.cpu_capability);
}
template <class A>
void fields(A& a, ReadyEvent& e) {
  a("state", e.state), a("endpoint", e.endpoint);
}
template <class A>
void fields(A& a, TickEvent& e) {
  a("step", e.step), a("total_steps", e.total_steps), a("phase", e.phase), a("loss", e.loss);
  a("samples_per_s", e.samples_per_s);
}
template <class A>
void fields(A& a, Point& p) {
  a("metric", p.metric), a("step", p.step), a("value", p.value);
}
template <class A>
void fields(A& a, MetricsEvent& e) {
  a("points", e.points);
}
template <class A>
void fields(A& a, NormStatEvent& e) {
  a("site", e.site), a("step", e.step), a("values", e.values);
}
template <class A>
void fields(A& a, CheckpointEvent& e) {
  a("step", e.step), a("directory", e.directory);
}
template <class A>
void fields(A& a, LogEvent& e) {
  a("level", e.level), a("text", e.text);
}
template <class A>
void fields(A& a, FinishedEvent& e) {
  a("diverged", e.diverged), a("results", e.results), a("facts", e.facts), a("initial", e.initial);
  a("artifacts", e.artifacts);
}
template <class A>
void fields(A& a, FailedEvent& e) {
  a("reason", e.reason), a("message", e.message);
}
template <class A>
void fields(A& a, StoppedEvent& e) {
  a("step", e.step);
}

template <class T>
constexpr std::string_view kWord = "";
template <>
constexpr std::string_view kWord<RunCommand> = "run";
template <>
constexpr std::string_view kWord<JoinCommand> = "join";
template <>
constexpr std::string_view kWord<StopCommand> = "stop";
template <>
constexpr std::string_view kWord<ExitCommand> = "exit";
template <>
constexpr std::string_view kWord<HelloEvent> = "hello";
template <>
constexpr std::string_view kWord<ReadyEvent> = "ready";
template <>
constexpr std::string_view kWord<TickEvent> = "tick";
template <>
constexpr std::string_view kWord<MetricsEvent> = "metrics";
template <>
constexpr std::string_view kWord<NormStatEvent> = "norm_stat";
template <>
constexpr std::string_view kWord<CheckpointEvent> = "checkpoint";
template <>
constexpr std::string_view kWord<LogEvent> = "log";
template <>
constexpr std::string_view kWord<FinishedEvent> = "finished";
template <>
constexpr std::string_view kWord<FailedEvent> = "failed";
template <>
constexpr std::string_view kWord<StoppedEvent> = "stopped";

class Writer {
 public:
  explicit Writer(std::string_view type) { object_["type"] = type; }
  template <class T>
  void operator()(const char* key, T& value) {
    object_[key] = write(value);
  }
  // Trainer output may hold bytes that are not UTF-8: they are replaced rather than thrown about.
  std::string line() const { return object_.dump(-1, ' ', false, json::error_handler_t::replace); }

 private:
  static json write(const std::string& text) { return text; }
  static json write(bool value) { return value; }
  static json write(int value) { return value; }
  static json write(int64_t value) { return value; }
  static json write(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    return value;
  }
  static json write(StopKind kind) { return kind == StopKind::kCheckpoint ? "checkpoint" : "now"; }
  static json write(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }
  template <class T>
  static json write(const std::map<std::string, T>& map) {
    json object = json::object();
    for (const auto& [key, value] : map) object[key] = write(value);
    return object;
  }
  static json write(const std::vector<Point>& points) {  // [metric, step, value]: a third of the bytes of objects
    json list = json::array();
    for (const Point& point : points) list.push_back({point.metric, point.step, write(point.value)});
    return list;
  }

  json object_;
};

class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}

  template <class T>
  void operator()(const char* key, T& value) {
    ++known_;
    if (!error_.empty()) return;
    const auto found = object_.find(key);
    if (found == object_.end()) {
      error_ = cat("field '", key, "' is missing");
    } else if (!read(*found, value)) {
      error_ = cat("field '", key, "' has a value of the wrong kind");
    }
  }
  // After all fields: the first problem, or "".
  std::string error() {
    if (error_.empty() && object_.size() != known_) error_ = "there is an unknown field";
    return error_;
  }

 private:
  static bool read(const json& in, std::string& out) { return in.is_string() && (out = in.get<std::string>(), true); }
  static bool read(const json& in, bool& out) { return in.is_boolean() && (out = in.get<bool>(), true); }
  static bool read(const json& in, int64_t& out) {
    if (!in.is_number_integer()) return false;
    if (in.is_number_unsigned() && in.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) return false;
    out = in.get<int64_t>();
    return true;
  }
  static bool read(const json& in, int& out) {
    int64_t wide = 0;
    if (!read(in, wide) || wide != static_cast<int>(wide)) return false;
    out = static_cast<int>(wide);
    return true;
  }
  static bool read(const json& in, double& out) {
    if (in.is_number()) return out = in.get<double>(), true;
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (in == "nan") return out = std::numeric_limits<double>::quiet_NaN(), true;
    if (in == "inf") return out = kInfinity, true;
    if (in == "-inf") return out = -kInfinity, true;
    return false;
  }
  static bool read(const json& in, StopKind& out) {
    out = in == "checkpoint" ? StopKind::kCheckpoint : StopKind::kNow;
    return in == "checkpoint" || in == "now";
  }
  static bool read(const json& in, std::optional<std::string>& out) {
    if (in.is_null()) return out.reset(), true;
    return read(in, out.emplace());
  }
  template <class T>
  static bool read(const json& in, std::map<std::string, T>& out) {
    if (!in.is_object()) return false;
    for (const auto& [key, value] : in.items()) {
      if (!read(value, out[key])) return false;
    }
    return true;
  }
  static bool read(const json& in, std::vector<Point>& out) {
    if (!in.is_array()) return false;
    out.reserve(in.size());
    for (const json& item : in) {
      Point& point = out.emplace_back();
      if (!item.is_array() || item.size() != 3) return false;
      if (!read(item[0], point.metric) || !read(item[1], point.step) || !read(item[2], point.value)) return false;
    }
    return true;
  }

  const json& object_;
  size_t known_ = 1;  // "type"
  std::string error_;
};

template <class Variant>
std::string encode_any(Variant message) {
  return std::visit(
      [](auto& value) {
        Writer writer(kWord<std::decay_t<decltype(value)>>);
        fields(writer, value);
        return writer.line();
      },
      message);
}

// Tries alternative I of Variant, then the next.
template <class Variant, size_t I = 0>
std::string decode_as(const json& object, const std::string& type, Variant& out) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return cat("type '", type.substr(0, 40), "' is not known");
  } else {
    using T = std::variant_alternative_t<I, Variant>;
    if (type != kWord<T>) return decode_as<Variant, I + 1>(object, type, out);
    Reader reader(object);
    fields(reader, out.template emplace<T>());
    return reader.error();
  }
}

template <class Variant>
Result<Variant> decode_any(std::string_view line) {
  const auto fail = [&](std::string_view what) {
    return invalid("control message: ", what, " in: ", line.substr(0, 120), line.size() > 120 ? "…" : "");
  };
  if (line.size() > kMaxControlLine) return fail(cat("the line is longer than ", kMaxControlLine, " bytes"));
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return fail("no JSON object");
  const auto type = object.find("type");
  if (type == object.end() || !type->is_string()) return fail("field 'type' is missing");
  Variant message;
  if (const std::string error = decode_as(object, type->template get<std::string>(), message); !error.empty())
    return fail(error);
  return message;
}

}  // namespace

std::string encode(const Command& command) { return encode_any(command); }
std::string encode(const TrainerEvent& event) { return encode_any(event); }
Result<Command> decode_command(std::string_view line) { return decode_any<Command>(line); }
Result<TrainerEvent> decode_event(std::string_view line) { return decode_any<TrainerEvent>(line); }

}  // namespace autonorm::worker
