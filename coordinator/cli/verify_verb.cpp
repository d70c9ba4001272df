#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/follow.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/wording.h"
#include "coordinator/report/reproduction.h"
#include "core/base/philox.h"
#include "core/base/text.h"
#include "core/config/rerun.h"

namespace autonorm::cli {
namespace {

constexpr double kDefaultTolerance = 0.001;

// Distinct trials with a result, in the order of the report.
std::vector<TrialId> finished_trials(const report::ReportData& data) {
  std::vector<TrialId> trials;
  std::set<TrialId> seen;
  for (const report::TrialRow& row : data.trials) {
    if (report::has_result(row) && seen.insert(row.trial).second) trials.push_back(row.trial);
  }
  return trials;
}

// The same sample for the same sweep, share and seed, so that an interrupted verification goes on.
std::vector<TrialId> sample_of(const std::vector<TrialId>& trials, const Verify& options, const std::string& content) {
  const auto all = static_cast<double>(trials.size());
  const auto wanted = static_cast<int64_t>(options.sample.is_share ? std::ceil(options.sample.amount * all - 1e-9)
                                                                   : std::min(options.sample.amount, all));
  std::vector<int64_t> order =
      RandomStream(options.seed, "verify", content).permutation(static_cast<int64_t>(trials.size()));
  order.resize(static_cast<size_t>(std::max<int64_t>(1, wanted)));
  std::ranges::sort(order);
  std::vector<TrialId> sample;
  for (const int64_t index : order) sample.push_back(trials[static_cast<size_t>(index)]);
  return sample;
}

double tolerance_of(const Verify& options, const report::SweepRow& sweep) {
  return options.tolerance.value_or(sweep.margin > 0 ? sweep.margin : kDefaultTolerance);
}

Result<SweepId> train_again(ControlClient& client, const server::SweepRead& first, const Verify& options,
                            Environment& environment) {
  const auto finished = finished_trials(first.data);
  if (finished.empty()) {
    return invalid("sweep ", first.data.sweep.id, " has no finished trial to verify; `coordinator status ",
                   first.data.sweep.id, "` says how far it is");
  }
  const auto sample = sample_of(finished, options, first.data.sweep.content);
  const config::SweepSource source = config::with_rerun(first.source, {options.round, sample});
  const auto reply = client.submit(source, /*fresh=*/false, environment.random_key());
  if (!reply.ok()) return reply.status();
  environment.out << "training " << sample.size() << " of "
                  << count_text(static_cast<int64_t>(finished.size()), "finished trial") << " of sweep "
                  << first.data.sweep.id << " again, as sweep " << reply->sweep
                  << (reply->existed
                          ? " (which exists already; --round " + cat(options.round + 1) + " trains yet again)"
                          : std::string())
                  << std::endl;
  return reply->sweep;
}

Result<report::ReproductionReport> verified(ControlClient& client, const server::SweepRead& first,
                                            const Verify& options, Environment& environment) {
  const auto sweep = train_again(client, first, options, environment);
  if (!sweep.ok()) return sweep.status();
  const auto end = follow(client, cat(*sweep), -1, environment);
  if (!end.ok()) return end.status();
  const auto again = client.read_sweep(cat(*sweep));
  if (!again.ok()) return again.status();
  return report::compare_reruns(first.data, again->data, tolerance_of(options, first.data.sweep));
}

}  // namespace

int verify(const Verify& options, const std::string& coordinator, Environment& environment) {
  const auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto first = (*client)->read_sweep(options.sweep);
  if (!first.ok()) return fail(environment, first.status());
  const auto report = verified(**client, *first, options, environment);
  if (!report.ok()) return fail(environment, report.status());
  environment.out << '\n' << report::reproduction_text(first->data, *report, environment.colour) << std::flush;
  const bool good = report->count(report::Reproduction::kIrreproducible) == 0 &&
                    report->count(report::Reproduction::kUnfinished) == 0;
  return good ? kOk : kFailed;
}

}  // namespace autonorm::cli
