// What carries the relay's messages between workers: MPI in the program, memory in tests.
#pragma once
#include <cstddef>
#include <optional>
#include <vector>

namespace autonorm::agent {

using Message = std::vector<std::byte>;

// Nothing blocks. Messages between two workers under one tag arrive whole and in order. One thread.
class Fabric {
 public:
  virtual ~Fabric() = default;
  virtual void send(int mpi_rank, int tag, Message message) = 0;
  // The next message of that worker under that tag, or nothing yet.
  virtual std::optional<Message> receive(int mpi_rank, int tag) = 0;
  // Every message sent under `tag` has left its buffer. Moves transfers on.
  virtual bool sends_done(int tag) = 0;
  // The transport has reported that this worker cannot be reached. (Often it reports nothing: deadlines remain
  // necessary.)
  virtual bool lost(int mpi_rank) const = 0;
};

}  // namespace autonorm::agent
