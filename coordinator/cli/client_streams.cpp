// The calls that go on until something has ended.
#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <utility>

#include "coordinator/cli/client_connection.h"
#include "coordinator/cli/control_client.h"
#include "core/base/durable_file.h"

namespace autonorm::cli {
namespace {

// Cancels a call when a descriptor becomes readable, as long as it lives.
class CancelOnStop {
 public:
  CancelOnStop(int stop_fd, grpc::ClientContext& context) : done_(eventfd(0, EFD_CLOEXEC)) {
    if (stop_fd < 0) return;
    thread_ = std::thread([this, stop_fd, &context] {
      pollfd sources[] = {{stop_fd, POLLIN, 0}, {done_.get(), POLLIN, 0}};
      while (::poll(sources, 2, -1) < 0 && errno == EINTR) {
      }
      if (sources[0].revents == 0) return;
      stopped_ = true;
      context.TryCancel();
    });
  }
  ~CancelOnStop() {
    if (!thread_.joinable()) return;
    eventfd_write(done_.get(), 1);
    thread_.join();
  }
  bool stopped() const { return stopped_; }

 private:
  const Fd done_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace

Status ControlClient::watch(const std::string& sweep, int stop_fd,
                            const std::function<bool(const WatchView&)>& update) {
  auto request = versioned<v1::WatchRequest>();
  request.set_sweep(sweep);
  grpc::ClientContext context;
  const CancelOnStop cancel(stop_fd, context);
  auto reader = connection_->stub->Watch(&context, request);
  v1::WatchUpdate wire;
  bool wanted = true;
  Status problem;
  while (wanted && reader->Read(&wire)) {
    auto view = server::decode(wire.sweep());
    auto active = decode_all<engine::TrialView>(wire.active());
    problem = view.ok() ? active.status() : view.status();
    if (!problem.ok()) break;
    wanted = update({*std::move(view), *std::move(active), wire.trouble(), wire.workers()});
  }
  if (!wanted || !problem.ok()) context.TryCancel();
  const auto status = reader->Finish();
  if (!problem.ok()) return problem;
  if (status.error_code() != grpc::StatusCode::CANCELLED) return connection_->status(status);
  return !wanted || cancel.stopped() ? Status() : unavailable("the coordinator has ended the call");
}

Status ControlClient::logs(const LogsAsked& asked, const std::function<void(const LogsView&)>& update) {
  auto request = versioned<v1::LogsRequest>();
  request.set_trial(asked.trial);
  request.set_attempt(asked.attempt);
  request.set_follow(asked.follow);
  request.set_tail(asked.tail);
  if (asked.after) request.set_after(*asked.after);
  grpc::ClientContext context;
  auto reader = connection_->stub->Logs(&context, request);
  for (v1::LogsUpdate wire; reader->Read(&wire);) {
    LogsView view{.attempt = {}, .lines = {}, .last = wire.last()};
    for (const auto& line : wire.lines()) view.lines.push_back(server::decode(line));
    if (wire.has_attempt()) {
      auto attempt = server::decode(wire.attempt());
      if (!attempt.ok()) {
        context.TryCancel();
        return attempt.status();
      }
      view.attempt = *std::move(attempt);
    }
    update(view);
  }
  return connection_->status(reader->Finish());
}

}  // namespace autonorm::cli
