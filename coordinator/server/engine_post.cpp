#include "coordinator/server/engine_post.h"

#include <utility>

#include "coordinator/store/store.h"
#include "core/base/failpoint.h"

namespace autonorm::server {

void EnginePost::deliver(std::vector<engine::Outgoing> outbox) {
  for (engine::Outgoing& message : outbox) {
    std::visit([this](auto& m) { deliver(m); }, message);
  }
}

void EnginePost::deliver(engine::ToSession& message) {
  if (auto* start = std::get_if<fleet::Start>(&message.message)) {
    auto config = store_.trial_config(start->key.trial);
    if (!config.ok()) {
      on_fatal_(config.status().with_context("reading a trial's configuration"));
      return;
    }
    start->config = std::move(config).value();
  }
  if (std::holds_alternative<fleet::Ack>(message.message)) pass(Failpoint::kAckBefore);
  transport_.send(message.session, message.message);
}

void EnginePost::deliver(engine::CloseSession& message) { transport_.close(message.session); }

void EnginePost::deliver(engine::SubmitReply& reply) {
  pass(Failpoint::kReplyBefore);
  submit_callers.answer(std::move(reply));
}

void EnginePost::deliver(engine::ActReply& reply) { act_callers.answer(std::move(reply)); }

}  // namespace autonorm::server
