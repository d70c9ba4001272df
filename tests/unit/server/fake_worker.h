// A worker that speaks the Fleet protocol and trains nothing. Every wait ends after 30 seconds at the latest.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "core/base/status.h"
#include "core/messages/fleet.h"

namespace autonorm {

fleet::Hello hello_of(const std::string& worker, int rank = 0, int size = 1);

class FakeWorker {
 public:
  explicit FakeWorker(const std::string& address);  // connects; says nothing yet
  ~FakeWorker();                                    // breaks the connection

  void send(const fleet::ToCoordinator& message);
  void send_garbage();  // a message without a body
  // The next message; nothing when the stream has ended.
  std::optional<fleet::ToWorker> receive();
  // The first message of this kind that was not handed out yet; others wait for their turn. Throws when the stream ends
  // before one comes.
  template <class Message>
  Message next() {
    for (auto waiting = waiting_.begin(); waiting != waiting_.end(); ++waiting) {
      if (!std::holds_alternative<Message>(*waiting)) continue;
      const Message found = std::get<Message>(*waiting);
      waiting_.erase(waiting);
      return found;
    }
    while (auto message = receive()) {
      if (auto* found = std::get_if<Message>(&*message)) return *found;
      waiting_.push_back(*std::move(message));
    }
    throw std::runtime_error("the stream ended: " + end().message());
  }
  // How the stream ended; waits for it.
  Status end();

  // Sends the events of a whole trial: joined, finished with `accuracy`, slot free.
  void complete(const fleet::Start& start, double accuracy);
  // Those of a trial that no retry by itself can help, since its configuration is wrong.
  void fail(const fleet::Start& start);

  // Artifacts over the same connection.
  Result<bool> put(const Sha256& hash, int64_t announced_bytes, const std::string& bytes,
                   size_t chunk = 1 << 20);  // → existed
  Result<std::string> get(const Sha256& hash);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  std::deque<fleet::ToWorker> waiting_;
};

}  // namespace autonorm
