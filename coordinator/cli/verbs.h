// What each verb does. All return the exit code and print failures themselves.
#pragma once
#include <string>
#include <vector>

#include "coordinator/cli/environment.h"
#include "coordinator/cli/options.h"

namespace autonorm::cli {

// Parses the arguments (without the program's name) and runs the verb.
int run_command(const std::vector<std::string>& arguments, Environment& environment);

// Until SIGINT, SIGTERM or SIGHUP. The first line on `out` says where it listens.
int serve(const Serve& options, Environment& environment);
// Server, local workers, submit, progress, report. Interrupted, it leaves a state from which the same command goes on.
int run_study(const Run& options, Environment& environment);

int submit(const Submit& options, const std::string& coordinator, Environment& environment);
int plan(const Plan& options, const std::string& coordinator, Environment& environment);
int act(const Act& options, const std::string& coordinator, Environment& environment);
int retry(const Retry& options, const std::string& coordinator, Environment& environment);
int drain_worker(const DrainWorker& options, const std::string& coordinator, Environment& environment);
int failures(const Failures& options, const std::string& coordinator, Environment& environment);
int watch(const Watch& options, const std::string& coordinator, Environment& environment);
int list(const List& options, const std::string& coordinator, Environment& environment);
int show_status(const ShowStatus& options, const std::string& coordinator, Environment& environment);
int explain(const Explain& options, const std::string& coordinator, Environment& environment);
int logs(const Logs& options, const std::string& coordinator, Environment& environment);
int workers(const Workers& options, const std::string& coordinator, Environment& environment);
int report(const Report& options, const std::string& coordinator, Environment& environment);
int plot(const Plot& options, const std::string& coordinator, Environment& environment);
int export_results(const Export& options, const std::string& coordinator, Environment& environment);
// Trains a sample of a sweep's finished trials again, as a sweep of its own, and compares. 1 when one came out
// otherwise.
int verify(const Verify& options, const std::string& coordinator, Environment& environment);
int backup(const Backup& options, const std::string& coordinator, Environment& environment);
int collect_garbage(const CollectGarbage& options, const std::string& coordinator, Environment& environment);
int catalogue(const Catalogue& options, Environment& environment);

}  // namespace autonorm::cli
