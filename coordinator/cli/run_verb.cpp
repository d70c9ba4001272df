#include <filesystem>

#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/follow.h"
#include "coordinator/cli/local_workers.h"
#include "coordinator/cli/plan_text.h"
#include "coordinator/cli/stop_signal.h"
#include "coordinator/cli/sweep_file.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/view_text.h"
#include "coordinator/cli/wording.h"
#include "coordinator/server/server.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

constexpr int kMaxWorldStarts =
    4;  // of mpirun; a world that keeps ending has a reason that starting it again does not mend

// One run of the verb: what its steps share.
class Study {
 public:
  Study(const Run& options, const StopSignal& stop, Environment& environment)
      : options_(options), stop_(stop), environment_(environment) {}

  Result<int> run(const SweepFile& file) {
    AUTONORM_RETURN_IF_ERROR(check_gangs(file.sweep));
    auto server = server::Server::start({.listen = "127.0.0.1:0",
                                         .state = options_.state,
                                         .secret = environment_.random_key(),
                                         .clock_era = environment_.clock_era},
                                        environment_.clock);
    if (!server.ok()) return server.status();
    if (environment_.log_to) environment_.log_to((*server)->directory());
    auto client = ControlClient::connect((*server)->address());
    if (!client.ok()) return client.status();
    auto sweep = submit(**client, file);
    if (!sweep.ok()) return sweep.status();
    AUTONORM_RETURN_IF_ERROR(start_workers((*server)->address()));
    auto end = follow(**client, cat(*sweep), stop_.fd(), environment_, [this] { return workers_are_there(); });
    if (stop_.came()) return interrupted(end, **server);
    if (!workers_problem_.ok()) return workers_problem_;
    if (!end.ok()) return end.status();
    AUTONORM_RETURN_IF_ERROR(print_report(**client, *sweep));
    finish(**server);
    return exit_code_of(*end);
  }

 private:
  // No other worker can join, so a wider trial would wait for ever.
  Status check_gangs(const config::Sweep& sweep) const {
    const int64_t ranks = largest_gang(sweep);
    if (ranks <= options_.workers) return {};
    return invalid(options_.file, " asks for ", ranks, " ranks in one trial, but --workers is ", options_.workers,
                   "; use --workers ", ranks, " or lower `ranks`");
  }

  Result<SweepId> submit(ControlClient& client, const SweepFile& file) {
    const auto plan = client.plan(file.source);
    if (!plan.ok()) return plan.status();
    environment_.out << plan_text(file.sweep, *plan) << "\n" << std::flush;
    const auto reply = client.submit(file.source, false, environment_.random_key());
    if (!reply.ok()) return reply.status();
    if (reply->existed) environment_.out << "going on with sweep " << reply->sweep << std::endl;
    return reply->sweep;
  }

  Status start_workers(const std::string& address) {
    plan_ = {.count = options_.workers,
             .coordinator = address,
             .worker = environment_.program_folder / "worker",
             .work_folder = std::filesystem::absolute(options_.state) / "work",
             .search_path = environment_.search_path};
    auto workers = LocalWorkers::start(plan_);
    if (!workers.ok()) return workers.status();
    workers_ = *std::move(workers);
    ++starts_;
    return {};
  }

  // Starts a new world when the old one has ended early; false when that does not help.
  bool workers_are_there() {
    if (workers_->running()) return true;
    const std::string what = cat("the workers' process ", workers_->ending(), "; its log, ", workers_->log().string(),
                                 ", ends with:\n", workers_->log_tail());
    if (starts_ >= kMaxWorldStarts) {
      workers_problem_ =
          internal(what, "\nit has ended ", starts_, " times; the state is kept, the same command goes on");
      return false;
    }
    environment_.err << what << "\nstarting new workers" << std::endl;
    workers_problem_ = start_workers(plan_.coordinator);
    return workers_problem_.ok();
  }

  Status print_report(ControlClient& client, SweepId sweep) {
    const auto text =
        client.report(cat(sweep), {.format = report::Format::kText, .trials = false, .colour = environment_.colour});
    if (!text.ok()) return text.status();
    environment_.out << "\n"
                     << *text << "\nagain, or in other formats: coordinator report --state " << options_.state
                     << std::endl;
    return {};
  }

  int interrupted(const Result<engine::SweepView>& last, server::Server& server) {
    environment_.err << "\nstopped";
    if (last.ok()) environment_.err << " after " << ended(*last) << " of " << count_text(last->trials, "trial");
    environment_.err << "; nothing is lost. The same command goes on:\n  coordinator run " << options_.file
                     << " --workers " << options_.workers << " --state " << options_.state << std::endl;
    finish(server);
    return kFailed;
  }

  void finish(server::Server& server) {
    workers_->stop();
    const ExitWatchdog watchdog;
    server.stop();
  }

  const Run& options_;
  const StopSignal& stop_;
  Environment& environment_;
  LocalWorkersPlan plan_;
  std::unique_ptr<LocalWorkers> workers_;
  int starts_ = 0;
  Status workers_problem_;
};

}  // namespace

int run_study(const Run& options, Environment& environment) {
  const auto file = load_sweep_file(options.file, environment.data_folders);
  if (!file.ok()) return fail(environment, file.status());
  const StopSignal stop;
  const auto code = Study(options, stop, environment).run(*file);
  return code.ok() ? *code : fail(environment, code.status());
}

}  // namespace autonorm::cli
