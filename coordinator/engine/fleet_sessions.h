// Workers coming and going (§2 of the life of a trial), their heartbeats and slots.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

// Welcomes or refuses; sorts the attempts that the worker knows into kept and killed ones; sends lost messages again.
void on_hello(Core& core, const WorkerHello& event, Now now);
void on_session_closed(Core& core, SessionId session);
void on_heartbeat(Core& core, Worker& worker, const fleet::Heartbeat& heartbeat, Now now);
void on_slot_free(Core& core, Worker& worker, const fleet::SlotFree& message, Now now);
void on_goodbye(Core& core, Worker& worker, const fleet::Goodbye& message, Now now);

// The lease has expired, or the worker has left: its attempt ends, its slot is nobody's until it comes back.
void lose_worker(Core& core, Worker& worker, EndReason reason, const std::string& why, Now now);

// A clean end of the coordinator: workers keep their trainers and come back.
void on_stopping(Core& core);

}  // namespace autonorm::engine
