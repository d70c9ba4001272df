#include "coordinator/server/log_stream.h"

#include "coordinator/server/control_service.h"
#include "coordinator/server/view_codec.h"

namespace autonorm::server {
namespace {

constexpr int64_t kLinesAtOnce = 1'000;

}  // namespace

LogStream::LogStream(LogDesk& desk, const v1::LogsRequest& request)
    : PeriodicStream(desk.thread()), desk_(desk), request_(request) {
  start();
}

Status LogStream::begin() {
  AUTONORM_RETURN_IF_ERROR(check_client(request_.client()));
  const auto logs = desk_.reader();
  if (!logs.ok()) return logs.status();
  const auto number = request_.attempt() > 0 ? std::optional(Attempt(request_.attempt())) : std::nullopt;
  const auto attempt = (*logs)->attempt(request_.trial(), number);
  if (!attempt.ok()) return attempt.status();
  row_ = attempt->row;
  if (request_.has_after()) {
    after_ = request_.after();
    return {};
  }
  if (request_.tail() < 0) return {};
  const auto before = (*logs)->before_last(row_, request_.tail());
  if (!before.ok()) return before.status();
  after_ = *before;
  return {};
}

Result<Look> LogStream::look(v1::LogsUpdate& update) {
  const auto logs = desk_.reader();
  if (!logs.ok()) return logs.status();
  // The attempt before its lines: nothing is logged after it has ended, so that no line can be missed.
  const auto attempt = (*logs)->attempt(row_);
  if (!attempt.ok()) return attempt.status();
  const auto lines = (*logs)->lines(row_, after_, kLinesAtOnce);
  if (!lines.ok()) return lines.status();
  for (const auto& line : *lines) encode(line, *update.add_lines());
  if (!lines->empty()) after_ = lines->back().id;
  update.set_last(after_);
  const bool more = std::ssize(*lines) == kLinesAtOnce;
  const bool last = !more && (attempt->ended || !request_.follow());
  if (last || !std::exchange(introduced_, true)) encode(*attempt, *update.mutable_attempt());
  if (more) return Look::kSendMore;
  if (last) return Look::kSendLast;
  return update.has_attempt() || !lines->empty() ? Look::kSend : Look::kNothingNew;
}

}  // namespace autonorm::server
