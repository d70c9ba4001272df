// The agent's side of Fleet: one session at a time, and artifacts. session_client.h is the real one; tests have theirs.
#pragma once
#include <filesystem>
#include <variant>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/messages/fleet.h"

namespace autonorm::agent {

struct SessionEnded {
  Status why;  // ok: the coordinator ended it in order
};
using LinkEvent = std::variant<fleet::ToWorker, SessionEnded>;

// Used by the main loop alone. Nothing blocks.
class CoordinatorLink {
 public:
  virtual ~CoordinatorLink() = default;
  // Opens a session with this first message; an earlier one is given up without a SessionEnded.
  virtual void connect(const fleet::Hello& hello) = 0;
  virtual void disconnect() = 0;
  // In order, heartbeats ahead of the rest. Lost when the session ends first.
  virtual void send(const fleet::ToCoordinator& message) = 0;
  // Messages and ends of the present session.
  virtual std::vector<LinkEvent> take() = 0;
  virtual int fd() const = 0;  // readable when take() has something
};

// Files by their hash. Blocks; used by the artifact mover's thread. kUnavailable: no coordinator now, try again.
class ArtifactTransport {
 public:
  virtual ~ArtifactTransport() = default;
  virtual Status put(const Sha256& hash, const std::filesystem::path& file) = 0;
  // kNotFound: the coordinator does not have it. The content is verified.
  virtual Status get(const Sha256& hash, const std::filesystem::path& file) = 0;
  // Makes a call in progress, and later ones, return kUnavailable at once. Thread-safe.
  virtual void cancel() = 0;
};

}  // namespace autonorm::agent
