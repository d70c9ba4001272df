// First answers to calls that change something outside the engine, which remembers its own: kept in the database under
// the idempotency key of the call, as JSON.
#pragma once
#include <google/protobuf/util/json_util.h>

#include <mutex>
#include <string>

#include "coordinator/server/engine_loop.h"
#include "core/base/failpoint.h"
#include "core/base/status.h"

namespace autonorm::server {

// Thread-safe; one call at a time, others wait.
template <class Reply>
class AnswerBook {
 public:
  // The answer that this call got before; else `act(reply)` fills it in. `call`: what it is about, with all its
  // arguments, for people; kConflict when the key was used for another one. Failures are not remembered: they changed
  // nothing. A coordinator that dies between the act and this note of it carries a repeated call out again, so an act
  // must be harmless then.
  template <class Act>
  Status once(EngineLoop& loop, const std::string& key, const std::string& call, Reply& reply, Act&& act) {
    const std::lock_guard lock(mutex_);
    const auto known = loop.kept_answer(key, call);
    if (!known.ok()) return known.status();
    if (*known) {
      const auto read = google::protobuf::util::JsonStringToMessage(**known, &reply);
      return read.ok() ? Status() : internal("the answer kept under key '", key, "' cannot be read");
    }
    AUTONORM_RETURN_IF_ERROR(act(reply));
    pass(Failpoint::kAnswerBefore);
    std::string answer;
    if (!google::protobuf::util::MessageToJsonString(reply, &answer).ok())
      return internal("the answer to ", call, " cannot be kept");
    return loop.keep_answer({.key = key, .call = call, .answer = answer});
  }

 private:
  std::mutex mutex_;
};

}  // namespace autonorm::server
