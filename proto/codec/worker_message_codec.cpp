// worker → coordinator
#include "autonorm/v1/fleet.pb.h"
#include "proto/codec/fleet_codec.h"
#include "proto/codec/wire_values.h"

namespace autonorm::codec {
namespace {

void encode_device(const fleet::Device& device, v1::Device& wire) {
  wire.set_kind(device.kind);
  wire.set_index(device.index);
  wire.set_name(device.name);
  wire.set_memory_bytes(device.memory_bytes);
}

fleet::Device decode_device(const v1::Device& wire, WireReader& in) {
  if (wire.kind() != "cpu" && wire.kind() != "cuda") in.fail("device.kind", "must be 'cpu' or 'cuda'");
  return {.kind = wire.kind(),
          .index = in.at_least(wire.index(), 0, "device.index"),
          .name = wire.name(),
          .memory_bytes = in.at_least<int64_t>(wire.memory_bytes(), 0, "device.memory_bytes")};
}

void encode_body(const fleet::Hello& hello, v1::WorkerMessage& message) {
  auto& wire = *message.mutable_hello();
  wire.set_protocol(hello.protocol);
  wire.set_worker(hello.worker.value());
  wire.set_incarnation(hello.incarnation);
  wire.set_mpi_world(hello.mpi_world);
  wire.set_mpi_rank(hello.mpi_rank);
  wire.set_mpi_size(hello.mpi_size);
  wire.set_host(hello.host);
  wire.set_address(hello.address);
  wire.set_pid(hello.pid);
  encode_device(hello.device, *wire.mutable_device());
  wire.set_build(hello.build);
  wire.set_torch(hello.torch);
  wire.set_recovery(hello.recovery);
  for (const auto& known : hello.attempts) {
    auto& entry = *wire.add_attempts();
    encode_key(known.key, *entry.mutable_key());
    entry.set_last_seq(known.last_seq.value());
    entry.set_terminal(known.terminal);
    entry.set_trainer_alive(known.trainer_alive);
  }
}

fleet::Hello decode_body(const v1::Hello& wire, WireReader& in) {
  fleet::Hello hello;
  hello.protocol = wire.protocol();
  hello.worker = WorkerId(wire.worker());
  hello.build = wire.build();
  hello.host = wire.host();
  // Fields may mean something else in another version: keep only what a refusal needs.
  if (hello.protocol != fleet::kProtocolVersion) return hello;

  in.not_empty(wire.worker(), "worker");
  hello.incarnation = wire.incarnation();
  hello.mpi_world = wire.mpi_world();
  hello.mpi_size = in.at_least(wire.mpi_size(), 1, "mpi_size");
  hello.mpi_rank = in.within(wire.mpi_rank(), 0, hello.mpi_size - 1, "mpi_rank");
  hello.address = wire.address();
  hello.pid = wire.pid();
  hello.device = decode_device(wire.device(), in);
  hello.torch = wire.torch();
  hello.recovery = wire.recovery();
  for (const auto& entry : wire.attempts()) {
    hello.attempts.push_back({.key = in.key(entry.key()),
                              .last_seq = Seq(in.at_least<int64_t>(entry.last_seq(), 0, "attempts.last_seq")),
                              .terminal = entry.terminal(),
                              .trainer_alive = entry.trainer_alive()});
  }
  return hello;
}

void encode_body(const fleet::Heartbeat& heartbeat, v1::WorkerMessage& message) {
  auto& wire = *message.mutable_heartbeat();
  for (const auto& progress : heartbeat.attempts) {
    auto& entry = *wire.add_attempts();
    encode_key(progress.key, *entry.mutable_key());
    entry.set_step(progress.step);
    entry.set_total_steps(progress.total_steps);
    entry.set_phase(progress.phase);
    entry.set_loss(progress.loss);
    entry.set_samples_per_s(progress.samples_per_s);
    entry.set_tick_age_ms(progress.tick_age_ms);
  }
}

fleet::Heartbeat decode_body(const v1::Heartbeat& wire, WireReader& in) {
  fleet::Heartbeat heartbeat;
  for (const auto& entry : wire.attempts()) {
    heartbeat.attempts.push_back({.key = in.key(entry.key()),
                                  .step = in.at_least<int64_t>(entry.step(), 0, "step"),
                                  .total_steps = in.at_least<int64_t>(entry.total_steps(), 0, "total_steps"),
                                  .phase = entry.phase(),
                                  .loss = entry.loss(),
                                  .samples_per_s = entry.samples_per_s(),
                                  .tick_age_ms = in.at_least<int64_t>(entry.tick_age_ms(), 0, "tick_age_ms")});
  }
  return heartbeat;
}

// ---- bodies of an event ----

void encode_event_body(const fleet::Ready& ready, v1::Event& wire) {
  wire.mutable_ready()->set_state(ready.state);
  wire.mutable_ready()->set_endpoint(ready.endpoint);
}

fleet::EventBody decode_event_body(const v1::Ready& wire, WireReader& in) {
  if (wire.state() == "listening") {
    in.not_empty(wire.endpoint(), "ready.endpoint");
  } else if (wire.state() != "joined") {
    in.fail("ready.state", "must be 'listening' or 'joined'");
  }
  return fleet::Ready{.state = wire.state(), .endpoint = wire.endpoint()};
}

void encode_event_body(const fleet::Metrics& metrics, v1::Event& wire) {
  auto& points = *wire.mutable_metrics()->mutable_points();
  points.Reserve(static_cast<int>(metrics.points.size()));
  for (const auto& point : metrics.points) {
    auto& entry = *points.Add();
    entry.set_metric(point.metric);
    entry.set_step(point.step);
    entry.set_value(point.value);
  }
}

fleet::EventBody decode_event_body(const v1::Metrics& wire, WireReader& in) {
  fleet::Metrics metrics;
  metrics.points.reserve(wire.points_size());
  for (const auto& entry : wire.points()) {
    metrics.points.push_back({.metric = in.not_empty(entry.metric(), "metrics.metric"),
                              .step = in.at_least<int64_t>(entry.step(), 0, "metrics.step"),
                              .value = entry.value()});
  }
  return metrics;
}

void encode_event_body(const fleet::NormStats& norm_stats, v1::Event& wire) {
  auto& stats = *wire.mutable_norm_stats();
  for (const auto& stat : norm_stats.stats) {
    auto& entry = *stats.add_stats();
    entry.set_site(stat.site);
    entry.set_step(stat.step);
    encode_map(stat.values, *entry.mutable_values());
  }
}

fleet::EventBody decode_event_body(const v1::NormStats& wire, WireReader& in) {
  fleet::NormStats norm_stats;
  for (const auto& entry : wire.stats()) {
    norm_stats.stats.push_back({.site = entry.site(),
                                .step = in.at_least<int64_t>(entry.step(), 0, "norm_stats.step"),
                                .values = in.numbers(entry.values(), "norm_stats.values")});
  }
  return norm_stats;
}

void encode_event_body(const fleet::CheckpointSaved& checkpoint, v1::Event& wire) {
  auto& saved = *wire.mutable_checkpoint();
  saved.set_step(checkpoint.step);
  saved.set_manifest(checkpoint.manifest.value());
  saved.set_bytes(checkpoint.bytes);
}

fleet::EventBody decode_event_body(const v1::CheckpointSaved& wire, WireReader& in) {
  return fleet::CheckpointSaved{.step = in.at_least<int64_t>(wire.step(), 0, "checkpoint.step"),
                                .manifest = in.hash(wire.manifest(), "checkpoint.manifest"),
                                .bytes = in.at_least<int64_t>(wire.bytes(), 0, "checkpoint.bytes")};
}

void encode_event_body(const fleet::LogLine& line, v1::Event& wire) {
  wire.mutable_log()->set_level(line.level);
  wire.mutable_log()->set_text(line.text);
}

fleet::EventBody decode_event_body(const v1::LogLine& wire, WireReader&) {
  return fleet::LogLine{.level = wire.level(), .text = wire.text()};
}

void encode_event_body(const fleet::Finished& finished, v1::Event& wire) {
  auto& end = *wire.mutable_finished();
  end.set_reason(encode_reason(finished.reason));
  encode_map(finished.results, *end.mutable_results());
  encode_map(finished.facts, *end.mutable_facts());
  encode_map(finished.initial, *end.mutable_initial());
  encode_map(finished.artifacts, *end.mutable_artifacts());
}

fleet::EventBody decode_event_body(const v1::Finished& wire, WireReader& in) {
  const EndReason reason = in.reason(wire.reason());
  if (reason != EndReason::kCompleted && reason != EndReason::kDiverged) {
    in.fail("finished.reason", cat("is '", name(reason), "'; a finished trial is 'completed' or 'diverged'"));
  }
  return fleet::Finished{.reason = reason,
                         .results = in.numbers(wire.results(), "finished.results"),
                         .facts = in.texts(wire.facts(), "finished.facts"),
                         .initial = in.texts(wire.initial(), "finished.initial"),
                         .artifacts = in.hashes(wire.artifacts(), "finished.artifacts")};
}

v1::MemoryAtDeath encode_memory(const fleet::MemoryAtDeath& memory) {
  v1::MemoryAtDeath wire;
  wire.set_resident_bytes(memory.resident_bytes);
  wire.set_limit_bytes(memory.limit_bytes);
  wire.set_oom_kills(memory.oom_kills);
  return wire;
}

fleet::MemoryAtDeath decode_memory(const v1::MemoryAtDeath& wire) {
  return {.resident_bytes = wire.resident_bytes(), .limit_bytes = wire.limit_bytes(), .oom_kills = wire.oom_kills()};
}

void encode_event_body(const fleet::Failed& failed, v1::Event& wire) {
  auto& end = *wire.mutable_failed();
  end.set_reason(encode_reason(failed.reason));
  end.set_message(failed.message);
  end.set_signal(failed.signal);
  end.set_exit_code(failed.exit_code);
  for (const auto& line : failed.log_tail) end.add_log_tail(line);
  end.set_unusable(failed.unusable.value());
  if (failed.memory != fleet::MemoryAtDeath{}) *end.mutable_memory() = encode_memory(failed.memory);
}

fleet::EventBody decode_event_body(const v1::Failed& wire, WireReader& in) {
  return fleet::Failed{.reason = in.reason(wire.reason()),
                       .message = wire.message(),
                       .signal = wire.signal(),
                       .exit_code = wire.exit_code(),
                       .log_tail = {wire.log_tail().begin(), wire.log_tail().end()},
                       .memory = decode_memory(wire.memory()),
                       .unusable = wire.unusable().empty() ? Sha256() : in.hash(wire.unusable(), "failed.unusable")};
}

fleet::EventBody decode_event_body(const v1::Event& wire, WireReader& in) {
  switch (wire.body_case()) {
    case v1::Event::kReady:
      return decode_event_body(wire.ready(), in);
    case v1::Event::kMetrics:
      return decode_event_body(wire.metrics(), in);
    case v1::Event::kNormStats:
      return decode_event_body(wire.norm_stats(), in);
    case v1::Event::kCheckpoint:
      return decode_event_body(wire.checkpoint(), in);
    case v1::Event::kLog:
      return decode_event_body(wire.log(), in);
    case v1::Event::kFinished:
      return decode_event_body(wire.finished(), in);
    case v1::Event::kFailed:
      return decode_event_body(wire.failed(), in);
    case v1::Event::BODY_NOT_SET:
      break;
  }
  in.fail("body", "is missing or of a kind that this version does not know");
  return fleet::Ready{};
}

void encode_body(const fleet::Event& event, v1::WorkerMessage& message) {
  auto& wire = *message.mutable_event();
  encode_key(event.key, *wire.mutable_key());
  wire.set_seq(event.seq.value());
  std::visit([&](const auto& body) { encode_event_body(body, wire); }, event.body);
}

fleet::Event decode_body(const v1::Event& wire, WireReader& in) {
  fleet::Event event{.key = in.key(wire.key()),
                     .seq = Seq(in.at_least<int64_t>(wire.seq(), 1, "seq")),
                     .body = decode_event_body(wire, in)};
  return event;
}

void encode_body(const fleet::SlotFree& free, v1::WorkerMessage& message) {
  auto& wire = *message.mutable_slot_free();
  encode_key(free.key, *wire.mutable_key());
  for (const auto& line : free.last.log_tail) wire.add_log_tail(line);
  if (free.last.memory != fleet::MemoryAtDeath{}) *wire.mutable_memory() = encode_memory(free.last.memory);
}

fleet::SlotFree decode_body(const v1::SlotFree& wire, WireReader& in) {
  return {
      .key = in.key(wire.key()),
      .last = {.log_tail = {wire.log_tail().begin(), wire.log_tail().end()}, .memory = decode_memory(wire.memory())}};
}

void encode_body(const fleet::Goodbye& goodbye, v1::WorkerMessage& message) {
  message.mutable_goodbye()->set_reason(goodbye.reason);
}

template <class Wire>
Result<fleet::ToCoordinator> to_coordinator(std::string_view message, const Wire& wire) {
  WireReader in(message);
  std::optional<fleet::ToCoordinator> decoded(decode_body(wire, in));
  if (!in.status().ok()) return in.status();
  return *std::move(decoded);
}

}  // namespace

v1::WorkerMessage encode(const fleet::ToCoordinator& message) {
  v1::WorkerMessage wire;
  std::visit([&](const auto& body) { encode_body(body, wire); }, message);
  return wire;
}

Result<fleet::ToCoordinator> decode(const v1::WorkerMessage& message) {
  switch (message.body_case()) {
    case v1::WorkerMessage::kHello:
      return to_coordinator("Hello", message.hello());
    case v1::WorkerMessage::kHeartbeat:
      return to_coordinator("Heartbeat", message.heartbeat());
    case v1::WorkerMessage::kEvent:
      return to_coordinator("Event", message.event());
    case v1::WorkerMessage::kSlotFree:
      return to_coordinator("SlotFree", message.slot_free());
    case v1::WorkerMessage::kGoodbye:
      return fleet::ToCoordinator(fleet::Goodbye{message.goodbye().reason()});
    case v1::WorkerMessage::BODY_NOT_SET:
      break;
  }
  return invalid("WorkerMessage.body is missing or of a kind that this version does not know");
}

}  // namespace autonorm::codec
