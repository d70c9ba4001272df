// Idempotency keys: a call that is repeated under its key changes nothing and gets its first answer. A key that comes
// with another call is refused, since the answer would be to something else.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

// What a call is about, with all its arguments, for people: calls are the same when their texts are.
std::string call_text(const SubmitSweep& event);
std::string call_text(const ActOnSweep& event);
std::string call_text(const RetryTrials& event);
std::string call_text(const DrainWorkers& event);

struct KnownCall {
  Status status = {};                                    // kConflict: the key belongs to another call
  const ReplyRecord* reply = nullptr;                    // its first answer; valid until the next remember()
  bool is_new() const { return status.ok() && !reply; }  // or still under way
};
// Nothing is known of an empty key.
KnownCall look_up(const Core& core, const std::string& key, const std::string& call);
// To a call that is not new, other than a submission.
ActReply reply_of(const KnownCall& known, RequestId request);
// Does nothing for an empty key, or for one that is known.
void remember(Core& core, ReplyRecord reply);

void on_keep_answer(Core& core, const KeepAnswer& event);

}  // namespace autonorm::engine
