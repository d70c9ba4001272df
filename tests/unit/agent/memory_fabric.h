// A Fabric in memory for several workers in one test: messages keep their order per sender, receiver and tag, and can
// be held back.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "worker/agent/relay/fabric.h"

namespace autonorm::agent {

class MemoryNetwork {
 public:
  using Route = std::tuple<int, int, int>;  // from, to, tag
  std::map<Route, std::deque<Message>> queues;
  std::set<int> held;  // senders whose messages do not arrive
  std::set<int> lost;

  size_t waiting() const {
    size_t count = 0;
    for (const auto& [route, queue] : queues) count += queue.size();
    return count;
  }
};

class MemoryFabric final : public Fabric {
 public:
  MemoryFabric(MemoryNetwork& network, int own) : network_(network), own_(own) {}

  void send(int mpi_rank, int tag, Message message) override {
    network_.queues[{own_, mpi_rank, tag}].push_back(std::move(message));
  }
  std::optional<Message> receive(int mpi_rank, int tag) override {
    auto& queue = network_.queues[{mpi_rank, own_, tag}];
    if (queue.empty() || network_.held.contains(mpi_rank)) return std::nullopt;
    Message message = std::move(queue.front());
    queue.pop_front();
    return message;
  }
  bool sends_done(int) override { return true; }
  bool lost(int mpi_rank) const override { return network_.lost.contains(mpi_rank); }

 private:
  MemoryNetwork& network_;
  const int own_;
};

}  // namespace autonorm::agent
