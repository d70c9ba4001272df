#include "worker/trainer/serve.h"

#include <ATen/Version.h>
#include <torch/version.h>
#include <unistd.h>

#include "core/base/failpoint.h"
#include "core/base/log.h"
#include "core/base/log_level.h"
#include "worker/trainer/command_inbox.h"
#include "worker/trainer/event_channel.h"
#include "worker/trainer/pipe_sink.h"
#include "worker/trainer/ticker.h"
#include "worker/trainer/trial_job.h"

namespace autonorm::trainer {
namespace {

using std::chrono_literals::operator""s;

train::StopRequest requested_stop(std::optional<worker::StopKind> kind) {
  if (!kind) return train::StopRequest::kNone;
  return *kind == worker::StopKind::kCheckpoint ? train::StopRequest::kCheckpoint : train::StopRequest::kNow;
}

class Server {
 public:
  Server(int in, EventChannel& channel, const data::DataRoots& roots, std::filesystem::path cuda_library,
         std::unique_ptr<RelayClient> relay)
      : channel_(channel),
        datasets_(roots),
        cuda_library_(std::move(cuda_library)),
        relay_(std::move(relay)),
        // Last, because its thread uses stop_ at once.
        inbox_(in, [this](std::optional<worker::StopKind> kind) { stop_.store(requested_stop(kind)); }) {}

  int run() {
    channel_.send(
        worker::HelloEvent{.pid = getpid(), .torch = TORCH_VERSION, .cpu_capability = at::get_cpu_capability()});
    while (const auto command = inbox_.next_run()) run_trial(*command);
    return 0;
  }

 private:
  void run_trial(const worker::RunCommand& command);
  Result<std::unique_ptr<GangSession>> open_gang(const worker::RunCommand& command, const TrialDevice& device);
  worker::TrainerEvent final_event(const worker::RunCommand& command, const JobOutcome& outcome) const;

  EventChannel& channel_;
  Progress progress_;
  DatasetCache datasets_;
  const std::filesystem::path cuda_library_;
  const std::unique_ptr<RelayClient> relay_;
  std::atomic<train::StopRequest> stop_{train::StopRequest::kNone};
  CommandInbox inbox_;
};

void Server::run_trial(const worker::RunCommand& command) {
  progress_.reset();
  worker::TrainerEvent last;
  {
    const Ticker ticker(1s, [this] {
      const ProgressValues now = progress_.values();
      channel_.send(worker::TickEvent{now.step, now.total_steps, now.phase, now.loss, now.samples_per_s});
    });
    PipeSink sink(channel_, progress_, command.rank == 0);
    TrialJob job{.config_file = command.config_file,
                 .device = command.device,
                 .cuda_library = cuda_library_,
                 .checkpoint_parent = std::filesystem::path(command.directory) / "checkpoints",
                 .resume = {},
                 .inputs = {command.inputs.begin(), command.inputs.end()},
                 .open_gang = [&](const TrialDevice& device) { return open_gang(command, device); },
                 .sink = &sink,
                 .stop = &stop_};
    if (command.resume) job.resume = *command.resume;
    last = final_event(command, run_job(job, datasets_));
  }
  pass(Failpoint::kResultBefore);
  channel_.send(last);  // after the last tick: nothing may follow an attempt's end
}

Result<std::unique_ptr<GangSession>> Server::open_gang(const worker::RunCommand& command, const TrialDevice& device) {
  const Rendezvous rendezvous{.name = cat(command.trial, '/', command.attempt),
                              .rank = command.rank,
                              .size = command.size,
                              .listen_host = command.listen_host,
                              .announce =
                                  [this](const std::string& endpoint) {
                                    channel_.send(worker::ReadyEvent{"listening", endpoint});
                                  },
                              .wait_for_endpoint = [this] { return inbox_.wait_for_join(); },
                              .stop_asked = [this] { return inbox_.stop_asked(); }};
  auto session = GangSession::open(rendezvous, device, relay_.get());
  if (session.ok()) channel_.send(worker::ReadyEvent{"joined", ""});
  return session;
}

worker::TrainerEvent Server::final_event(const worker::RunCommand& command, const JobOutcome& outcome) const {
  if (const auto* failure = std::get_if<Failure>(&outcome))
    return worker::FailedEvent{failure->reason, failure->message};
  if (std::holds_alternative<StoppedEarly>(outcome)) return worker::StoppedEvent{0};
  const auto& result = std::get<train::TrialResult>(outcome);
  if (result.outcome == train::TrialResult::Outcome::kStopped) return worker::StoppedEvent{result.step};
  worker::FinishedEvent finished;
  finished.diverged = result.outcome == train::TrialResult::Outcome::kDiverged;
  if (command.rank == 0) {  // the other ranks have the same results and only say that they are done
    finished.results = result.results;
    finished.facts = result.facts;
    finished.initial = result.initial;
    if (!result.final_checkpoint.empty()) finished.artifacts["model"] = result.final_checkpoint.string();
  }
  return finished;
}

}  // namespace

int serve(const ServeOptions& options, const data::DataRoots& roots, const std::filesystem::path& cuda_library) {
  std::unique_ptr<RelayClient> relay;
  if (options.relay) {
    auto attached = RelayClient::attach(*options.relay);
    if (!attached.ok()) {
      log_error("trainer: ", attached.status().message());
      return kExitUsage;
    }
    relay = *std::move(attached);
  }
  // Neither is ever destroyed: the inbox's thread uses them until the process ends.
  auto* const channel = new EventChannel(options.out);
  set_log_sink([channel](LogLevel level, const std::string& text) {
    channel->send(worker::LogEvent{std::string(level_word(level)), text});
  });
  auto* const server = new Server(options.in, *channel, roots, cuda_library, std::move(relay));
  return server->run();
}

}  // namespace autonorm::trainer
