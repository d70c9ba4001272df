// MPI as the worker uses it: start-up facts, and point-to-point messages on one duplicate of MPI_COMM_WORLD. No
// collective runs after start-up, because one that includes a dead rank never returns.
#pragma once
#include <memory>
#include <string>

#include "core/base/status.h"
#include "worker/agent/relay/fabric.h"

namespace autonorm::agent {

struct WorldFacts {
  std::string id;  // equal on all ranks of one mpirun
  int rank = 0, size = 1;
  int local_rank = 0, local_size = 1;  // among the ranks of this host
  bool launched = false;               // by mpirun; else a world of one
  bool recovery = false;               // the ranks outlive a lost one
};

// One per process, on the main thread. Its destructor finalizes MPI, which may wait for peers that have not come so
// far.
class MpiWorld {
 public:
  // `fresh_id`: what rank 0 calls the world. `launched`: mpirun's environment was seen.
  static Result<std::unique_ptr<MpiWorld>> start(const std::string& fresh_id, bool launched);
  ~MpiWorld();
  MpiWorld(const MpiWorld&) = delete;

  const WorldFacts& facts() const { return facts_; }
  // Used by one thread, and gone before the world is. At most one.
  std::unique_ptr<Fabric> make_fabric();

 private:
  struct Communicator;
  MpiWorld();

  WorldFacts facts_;
  std::unique_ptr<Communicator> duplicate_;  // of MPI_COMM_WORLD, for the relay
};

}  // namespace autonorm::agent
