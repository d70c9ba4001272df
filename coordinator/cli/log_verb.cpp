#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/log_text.h"
#include "coordinator/cli/reconnecting.h"
#include "coordinator/cli/verbs.h"

namespace autonorm::cli {
namespace {

// The log as it comes, over all connections.
class Reader {
 public:
  Reader(const Logs& options, Environment& environment)
      : asked_{.trial = options.trial,
               .attempt = options.attempt,
               .follow = options.follow,
               .tail = options.tail.value_or(-1)},
        environment_(environment) {}

  Status read(ControlClient& client, const std::function<void()>& heard) {
    const LogsAsked asked = asked_;
    return client.logs(asked, [&](const LogsView& view) {
      heard();
      show(view);
    });
  }
  const std::optional<store::AttemptSummary>& attempt() const { return attempt_; }  // as told last

 private:
  void show(const LogsView& view) {
    const bool first = !attempt_;
    if (view.attempt) attempt_ = view.attempt;
    if (!attempt_) return;
    if (first) environment_.out << attempt_text(*attempt_);
    for (const auto& line : view.lines) environment_.out << line_text(line, attempt_->ranks);
    environment_.out << std::flush;
    // Where the next connection goes on, should this one break.
    asked_.trial = attempt_->trial.value(), asked_.attempt = static_cast<int>(attempt_->number.value());
    asked_.after = view.last;
  }

  LogsAsked asked_;
  Environment& environment_;
  std::optional<store::AttemptSummary> attempt_;
};

Status read_once(Reader& reader, const std::string& coordinator) {
  auto client = ControlClient::connect(coordinator);
  return client.ok() ? reader.read(**client, [] {}) : client.status();
}

}  // namespace

int logs(const Logs& options, const std::string& coordinator, Environment& environment) {
  Reader reader(options, environment);
  const auto read = [&](ControlClient& client, const std::function<void()>& heard) {
    return reader.read(client, heard);
  };
  const Status status =
      options.follow ? with_reconnects(coordinator, environment, read) : read_once(reader, coordinator);
  if (!status.ok()) return fail(environment, status);
  if (!reader.attempt()) return fail(environment, internal("the coordinator did not say whose log this is"));
  environment.out << end_text(*reader.attempt(), options.tail) << std::flush;
  return kOk;
}

}  // namespace autonorm::cli
