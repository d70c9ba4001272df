// coordinator → worker
#include "autonorm/v1/fleet.pb.h"
#include "proto/codec/fleet_codec.h"
#include "proto/codec/wire_values.h"

namespace autonorm::codec {
namespace {

void encode_body(const fleet::Welcome& welcome, v1::CoordinatorMessage& message) {
  auto& wire = *message.mutable_welcome();
  wire.set_lease_ms(welcome.lease.count());
  wire.set_heartbeat_ms(welcome.heartbeat.count());
  wire.set_epoch(welcome.epoch);
  wire.set_coordinator_build(welcome.coordinator_build);
  for (const auto& key : welcome.keep) encode_key(key, *wire.add_keep());
  for (const auto& key : welcome.kill) encode_key(key, *wire.add_kill());
  for (const auto& [key, seq] : welcome.acked) {
    auto& entry = *wire.add_acked();
    encode_key(key, *entry.mutable_key());
    entry.set_seq(seq.value());
  }
}

fleet::Welcome decode_body(const v1::Welcome& wire, WireReader& in) {
  fleet::Welcome welcome;
  welcome.lease = in.duration(wire.lease_ms(), "lease_ms");
  welcome.heartbeat = in.duration(wire.heartbeat_ms(), "heartbeat_ms");
  welcome.epoch = wire.epoch();
  welcome.coordinator_build = wire.coordinator_build();
  for (const auto& key : wire.keep()) welcome.keep.push_back(in.key(key));
  for (const auto& key : wire.kill()) welcome.kill.push_back(in.key(key));
  for (const auto& entry : wire.acked()) {
    welcome.acked.emplace_back(in.key(entry.key()), Seq(in.at_least<int64_t>(entry.seq(), 0, "acked.seq")));
  }
  return welcome;
}

void encode_body(const fleet::Refused& refused, v1::CoordinatorMessage& message) {
  message.mutable_refused()->set_reason(refused.reason);
}

void encode_gang(const fleet::Gang& gang, v1::Gang& wire) {
  wire.set_rank(gang.rank);
  wire.set_tag(gang.tag);
  for (const auto& member : gang.members) {
    auto& entry = *wire.add_members();
    entry.set_worker(member.worker.value());
    entry.set_mpi_rank(member.mpi_rank);
    entry.set_host(member.host);
  }
}

fleet::Gang decode_gang(const v1::Gang& wire, WireReader& in) {
  fleet::Gang gang;
  if (wire.members().empty()) in.fail("gang.members", "must not be empty");
  gang.rank = in.within(wire.rank(), 0, std::max(0, wire.members_size() - 1), "gang.rank");
  gang.tag = wire.tag();
  for (const auto& entry : wire.members()) {
    gang.members.push_back({.worker = WorkerId(in.not_empty(entry.worker(), "gang.members.worker")),
                            .mpi_rank = in.at_least(entry.mpi_rank(), 0, "gang.members.mpi_rank"),
                            .host = entry.host()});
  }
  return gang;
}

void encode_body(const fleet::Start& start, v1::CoordinatorMessage& message) {
  auto& wire = *message.mutable_start();
  encode_key(start.key, *wire.mutable_key());
  wire.set_config(start.config);
  if (start.resume) {
    wire.mutable_resume()->set_manifest(start.resume->manifest.value());
    wire.mutable_resume()->set_step(start.resume->step);
  }
  encode_map(start.inputs, *wire.mutable_inputs());
  encode_gang(start.gang, *wire.mutable_gang());
  wire.set_start_timeout_ms(start.start_timeout.count());
  wire.set_stall_timeout_ms(start.stall_timeout.count());
}

fleet::Start decode_body(const v1::Start& wire, WireReader& in) {
  fleet::Start start;
  start.key = in.key(wire.key());
  start.config = in.not_empty(wire.config(), "config");
  if (wire.has_resume()) {
    start.resume = fleet::ResumePoint{.manifest = in.hash(wire.resume().manifest(), "resume.manifest"),
                                      .step = in.at_least<int64_t>(wire.resume().step(), 0, "resume.step")};
  }
  start.inputs = in.hashes(wire.inputs(), "inputs");
  start.gang = decode_gang(wire.gang(), in);
  start.start_timeout = in.duration(wire.start_timeout_ms(), "start_timeout_ms");
  start.stall_timeout = in.duration(wire.stall_timeout_ms(), "stall_timeout_ms");
  return start;
}

void encode_body(const fleet::Rendezvous& rendezvous, v1::CoordinatorMessage& message) {
  encode_key(rendezvous.key, *message.mutable_rendezvous()->mutable_key());
  message.mutable_rendezvous()->set_endpoint(rendezvous.endpoint);
}

fleet::Rendezvous decode_body(const v1::Rendezvous& wire, WireReader& in) {
  fleet::Rendezvous rendezvous{.key = in.key(wire.key()), .endpoint = in.not_empty(wire.endpoint(), "endpoint")};
  return rendezvous;
}

v1::StopMode encode_mode(fleet::StopMode mode) {
  switch (mode) {
    case fleet::StopMode::kCheckpointThenStop:
      return v1::STOP_MODE_CHECKPOINT_THEN_STOP;
    case fleet::StopMode::kKill:
      return v1::STOP_MODE_KILL;
  }
  return v1::STOP_MODE_UNSPECIFIED;
}

fleet::StopMode decode_mode(v1::StopMode wire, WireReader& in) {
  if (wire == v1::STOP_MODE_CHECKPOINT_THEN_STOP) return fleet::StopMode::kCheckpointThenStop;
  if (wire != v1::STOP_MODE_KILL)
    in.fail("mode", cat("is ", static_cast<int>(wire), ", which this version does not know"));
  return fleet::StopMode::kKill;
}

void encode_body(const fleet::Stop& stop, v1::CoordinatorMessage& message) {
  auto& wire = *message.mutable_stop();
  encode_key(stop.key, *wire.mutable_key());
  wire.set_mode(encode_mode(stop.mode));
  wire.set_reason(encode_reason(stop.reason));
  wire.set_text(stop.text);
}

fleet::Stop decode_body(const v1::Stop& wire, WireReader& in) {
  fleet::Stop stop{.key = in.key(wire.key()),
                   .mode = decode_mode(wire.mode(), in),
                   .reason = in.reason(wire.reason()),
                   .text = wire.text()};
  return stop;
}

void encode_body(const fleet::Ack& ack, v1::CoordinatorMessage& message) {
  encode_key(ack.key, *message.mutable_ack()->mutable_key());
  message.mutable_ack()->set_seq(ack.seq.value());
}

fleet::Ack decode_body(const v1::Ack& wire, WireReader& in) {
  const fleet::Ack ack{.key = in.key(wire.key()), .seq = Seq(in.at_least<int64_t>(wire.seq(), 0, "seq"))};
  return ack;
}

void encode_body(const fleet::Drain&, v1::CoordinatorMessage& message) { message.mutable_drain(); }

void encode_body(const fleet::Shutdown& shutdown, v1::CoordinatorMessage& message) {
  message.mutable_shutdown()->set_reason(shutdown.reason);
}

template <class Wire>
Result<fleet::ToWorker> to_worker(std::string_view message, const Wire& wire) {
  WireReader in(message);
  std::optional<fleet::ToWorker> decoded(decode_body(wire, in));
  if (!in.status().ok()) return in.status();
  return *std::move(decoded);
}

}  // namespace

v1::CoordinatorMessage encode(const fleet::ToWorker& message) {
  v1::CoordinatorMessage wire;
  std::visit([&](const auto& body) { encode_body(body, wire); }, message);
  return wire;
}

Result<fleet::ToWorker> decode(const v1::CoordinatorMessage& message) {
  switch (message.body_case()) {
    case v1::CoordinatorMessage::kWelcome:
      return to_worker("Welcome", message.welcome());
    case v1::CoordinatorMessage::kRefused:
      return fleet::ToWorker(fleet::Refused{message.refused().reason()});
    case v1::CoordinatorMessage::kStart:
      return to_worker("Start", message.start());
    case v1::CoordinatorMessage::kRendezvous:
      return to_worker("Rendezvous", message.rendezvous());
    case v1::CoordinatorMessage::kStop:
      return to_worker("Stop", message.stop());
    case v1::CoordinatorMessage::kAck:
      return to_worker("Ack", message.ack());
    case v1::CoordinatorMessage::kDrain:
      return fleet::ToWorker(fleet::Drain{});
    case v1::CoordinatorMessage::kShutdown:
      return fleet::ToWorker(fleet::Shutdown{message.shutdown().reason()});
    case v1::CoordinatorMessage::BODY_NOT_SET:
      break;
  }
  return invalid("CoordinatorMessage.body is missing or of a kind that this version does not know");
}

}  // namespace autonorm::codec
