// Each message lists its fields once, in fields(); FieldWriter and FieldReader walk that list, so encode and decode
// cannot differ.
#include "worker/control_protocol.h"

#include "worker/control_json.h"

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

template <class Variant>
std::string encode_any(Variant message) {
  return std::visit(
      [](auto& value) {
        FieldWriter writer(kWord<std::decay_t<decltype(value)>>);
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
    FieldReader reader(object);
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
