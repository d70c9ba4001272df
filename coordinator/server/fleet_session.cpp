#include "coordinator/server/fleet_session.h"

#include <utility>

#include "coordinator/server/grpc_status.h"
#include "core/base/log.h"
#include "proto/codec/fleet_codec.h"

namespace autonorm::server {

std::string address_of_peer(const std::string& peer) {
  const size_t scheme = peer.find(':');
  const size_t port = peer.rfind(':');
  if (scheme == std::string::npos || port <= scheme) return {};
  std::string address = peer.substr(scheme + 1, port - scheme - 1);
  if (peer.starts_with("ipv4:")) return address;
  if (!peer.starts_with("ipv6:")) return {};
  if (address.starts_with("%5B") && address.ends_with("%5D")) return address.substr(3, address.size() - 6);
  if (address.starts_with("[") && address.ends_with("]")) return address.substr(1, address.size() - 2);
  return address;
}

FleetSession::FleetSession(EngineLoop& loop, SessionRegistry& registry, const std::string& peer)
    : loop_(loop), registry_(registry), peer_address_(address_of_peer(peer)), id_(registry.add(*this)) {
  StartRead(&incoming_);
}

void FleetSession::send(const fleet::ToWorker& message) {
  auto wire = codec::encode(message);
  const std::lock_guard lock(mutex_);
  if (ending_) return;
  if (queue_.size() >= kMaxQueuedMessages) {
    log_warning("session ", id_, ": ", queue_.size(),
                " messages wait to be read; closing it, the worker will re-attach");
    queue_.clear();
    ending_ = true;
    status_ = to_grpc(exhausted("the worker does not read its messages"));
  } else {
    queue_.push_back(std::move(wire));
  }
  write_or_finish();
}

void FleetSession::close() { end(grpc::Status::OK); }

void FleetSession::end(grpc::Status status) {
  const std::lock_guard lock(mutex_);
  if (ending_) return;
  ending_ = true;
  status_ = std::move(status);
  write_or_finish();
}

void FleetSession::write_or_finish() {
  if (writing_ || finished_) return;
  if (!queue_.empty() && !broken_) {
    outgoing_ = std::move(queue_.front());
    queue_.pop_front();
    writing_ = true;
    StartWrite(&outgoing_);
  } else if (ending_) {
    finished_ = true;
    Finish(status_);
  }
}

void FleetSession::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) broken_ = ending_ = true;
  write_or_finish();
}

void FleetSession::OnReadDone(bool ok) {
  if (!ok) {  // the worker is gone or has nothing more to say
    report_closed();
    end(grpc::Status::OK);
    return;
  }
  auto message = codec::decode(incoming_);
  if (!message.ok()) {
    log_warning("session ", id_, ": refused a message: ", message.status().message());
    report_closed();
    end(to_grpc(message.status()));
    return;
  }
  if (std::holds_alternative<fleet::Hello>(*message) == greeted_) {
    report_closed();
    end(to_grpc(invalid(greeted_ ? "Hello came twice" : "the first message of a session must be Hello")));
    return;
  }
  receive(*std::move(message));
  StartRead(&incoming_);
}

void FleetSession::receive(fleet::ToCoordinator message) {
  if (auto* hello = std::get_if<fleet::Hello>(&message)) {
    greeted_ = true;
    if (hello->address.empty()) hello->address = peer_address_;
    loop_.post(engine::WorkerHello{id_, std::move(*hello)});
  } else {
    loop_.post(engine::WorkerMessage{id_, std::move(message)});
  }
}

void FleetSession::report_closed() {
  if (greeted_ && !std::exchange(closed_, true)) loop_.post(engine::SessionClosed{id_});
}

void FleetSession::OnDone() {
  report_closed();
  registry_.remove(id_);
  delete this;
}

}  // namespace autonorm::server
