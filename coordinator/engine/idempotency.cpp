#include "coordinator/engine/idempotency.h"

#include <algorithm>

#include "core/base/text.h"

namespace autonorm::engine {
namespace {

std::string_view verb(SweepAction action) {
  switch (action) {
    case SweepAction::kCancel:
      return "cancel";
    case SweepAction::kPause:
      return "pause";
    case SweepAction::kResume:
      return "resume";
  }
  return "?";
}

// Of a call that is answered later, in slices.
const std::string* call_under_way(const Core& core, const std::string& key) {
  const auto of_callers = [&](const auto& jobs) -> const std::string* {
    for (const auto& job : jobs) {
      for (const auto& caller : job.callers) {
        if (caller.idempotency_key == key) return &caller.call;
      }
    }
    return nullptr;
  };
  if (const std::string* call = of_callers(core.submissions)) return call;
  if (const std::string* call = of_callers(core.cancellations)) return call;
  const auto retrial = std::ranges::find_if(core.retrials, [&](const Retrial& job) { return job.record.key == key; });
  return retrial == core.retrials.end() ? nullptr : &retrial->record.call;
}

}  // namespace

std::string call_text(const SubmitSweep& event) {
  constexpr size_t kDigits = 16;  // enough to tell files apart
  return cat("submit of '", event.sweep->name, "' (content ", event.sweep->content.value().substr(0, kDigits),
             event.fresh ? ", fresh)" : ")");
}

std::string call_text(const ActOnSweep& event) { return cat(verb(event.action), " of sweep ", event.sweep); }

std::string call_text(const RetryTrials& event) {
  std::vector<std::string> what;
  if (event.sweep) what.push_back(cat("sweep ", *event.sweep));
  if (!event.variant.empty()) what.push_back(cat("variant '", event.variant, "'"));
  if (!event.trial.empty()) what.push_back(cat("trial ", event.trial));
  if (event.cancelled) what.emplace_back("with cancelled ones");
  return "retry of " + join(what);
}

std::string call_text(const DrainWorkers& event) {
  return cat(event.drain == Drain::kNo ? "undrain of '" : "drain of '", event.worker, "'",
             event.drain == Drain::kNow ? ", now" : "");
}

KnownCall look_up(const Core& core, const std::string& key, const std::string& call) {
  if (key.empty()) return {};
  const auto it = core.replies.find(key);
  const ReplyRecord* reply = it == core.replies.end() ? nullptr : &it->second;
  const std::string* known = reply ? &reply->call : call_under_way(core, key);
  // Releases before this one did not write down what a key was used for.
  if (!known || known->empty() || *known == call) return {.reply = reply};
  return {.status = conflict("idempotency key '", key, "' was used for: ", *known, "; this is: ", call,
                             "; use a new key for each new call")};
}

ActReply reply_of(const KnownCall& known, RequestId request) {
  ActReply reply{.request = request, .status = known.status};
  if (!known.reply) return reply;
  reply.trials_affected = known.reply->affected;
  reply.workers_affected = known.reply->workers;
  return reply;
}

void remember(Core& core, ReplyRecord reply) {
  if (reply.key.empty() || !core.replies.emplace(reply.key, reply).second) return;
  core.reply_order.push_back(reply.key);
  core.change(ReplyRemembered{std::move(reply)});
  if (core.reply_order.size() <= core.options.limits.remembered_replies) return;
  core.replies.erase(core.reply_order.front());
  core.reply_order.pop_front();
}

void on_keep_answer(Core& core, const KeepAnswer& event) {
  const KnownCall known = look_up(core, event.reply.key, event.reply.call);
  if (known.is_new()) remember(core, event.reply);
  core.batch.outbox.push_back(ActReply{.request = event.request, .status = known.status});
}

Result<std::optional<std::string>> Engine::kept_answer(const std::string& key, const std::string& call) const {
  const KnownCall known = look_up(*core_, key, call);
  if (!known.status.ok()) return known.status;
  return known.reply ? std::optional(known.reply->answer) : std::nullopt;
}

}  // namespace autonorm::engine
