#include "coordinator/server/session_registry.h"

namespace autonorm::server {

SessionId SessionRegistry::add(OutgoingStream& stream) {
  const std::lock_guard lock(mutex_);
  const SessionId id(++last_);
  streams_.emplace(id, &stream);
  return id;
}

void SessionRegistry::remove(SessionId session) {
  const std::lock_guard lock(mutex_);
  streams_.erase(session);
  removed_.notify_all();
}

// The streams are called under the lock, so that remove() returning means that nobody is inside one.
void SessionRegistry::send(SessionId session, const fleet::ToWorker& message) {
  const std::lock_guard lock(mutex_);
  if (const auto found = streams_.find(session); found != streams_.end()) found->second->send(message);
}

void SessionRegistry::close(SessionId session) {
  const std::lock_guard lock(mutex_);
  if (const auto found = streams_.find(session); found != streams_.end()) found->second->close();
}

void SessionRegistry::close_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, stream] : streams_) stream->close();
}

bool SessionRegistry::wait_empty(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return removed_.wait_for(lock, limit, [this] { return streams_.empty(); });
}

}  // namespace autonorm::server
