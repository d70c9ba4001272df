// Where the engine's messages go once their batch is committed: sessions of workers, and callers who wait.
#pragma once
#include <functional>
#include <vector>

#include "coordinator/server/engine_callers.h"
#include "coordinator/server/engine_loop.h"

namespace autonorm::server {

// deliver() is the engine's thread's. What is handed in must outlive it.
class EnginePost {
 public:
  EnginePost(store::Store& store, Transport& transport, const std::function<void(const Status&)>& on_fatal)
      : store_(store), transport_(transport), on_fatal_(on_fatal) {}

  void deliver(std::vector<engine::Outgoing> outbox);

  EngineCallers<engine::SubmitReply> submit_callers;
  EngineCallers<engine::ActReply> act_callers;

 private:
  void deliver(engine::ToSession& message);
  void deliver(engine::CloseSession& message);
  void deliver(engine::SubmitReply& reply);
  void deliver(engine::ActReply& reply);

  store::Store& store_;
  Transport& transport_;
  const std::function<void(const Status&)>& on_fatal_;
};

}  // namespace autonorm::server
