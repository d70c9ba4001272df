#include "tests/support/restart_replays.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "coordinator/store/report_reader.h"
#include "tests/support/cluster_work.h"
#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

std::string to_text(const std::map<TrialState, int64_t>& counts) {
  std::string text;
  for (const auto& [state, count] : counts) text += cat(" ", count, " ", name(state));
  return text;
}

std::string to_text(const std::map<std::string, double>& results) {
  std::string text;
  for (const auto& [metric, value] : results) text += cat(metric, " = ", value, " ");
  return text;
}

// Sweep or trial → what is known of it.
using Facts = std::map<std::string, std::string>;

// What a restart must not change.
Facts durable_facts(const FakeCluster& cluster) {
  Facts facts;
  for (const engine::SweepView& sweep : cluster.engine().sweeps(cluster.now())) {
    std::string& text = facts[cat("sweep ", sweep.id)];
    text = cat(sweep.state, ", ", sweep.trials, " trials:", to_text(sweep.counts));
    for (const engine::FailureGroup& group : sweep.failures)
      text += cat("; ", group.count, " x ", name(group.end), " ", group.text);
  }
  for (const engine::TrialView& trial : all_trials(cluster)) {
    std::string& text = facts[cat("trial ", short_form(trial.id))];
    text = cat(name(trial.state), ", attempt ", trial.attempt, trial.end ? cat(", ended: ", name(*trial.end)) : "");
    for (const WorkerId& worker : trial.workers) text += cat(", on ", worker);
    if (!is_open(trial.state)) text += ", " + trial.reason;
  }
  return facts;
}

// How it all ended.
Facts end_of(const FakeCluster& cluster) {
  Facts facts;
  for (const engine::SweepView& sweep : cluster.engine().sweeps(cluster.now()))
    facts[cat("sweep ", sweep.id)] = cat(sweep.state, ", ", sweep.cells, " cells:", to_text(sweep.counts));
  for (const engine::TrialView& trial : all_trials(cluster)) {
    facts[cat("trial ", short_form(trial.id))] =
        cat(name(trial.state), trial.end ? cat(", ended: ", name(*trial.end)) : "");
  }
  for (const engine::WorkerView& worker : cluster.engine().workers(cluster.now()))
    facts[cat("worker ", worker.id)] = worker.state;
  return facts;
}

void expect_equal(const Facts& expected, const Facts& found, const std::string& when) {
  for (const auto& [subject, text] : expected) {
    const auto it = found.find(subject);
    if (it == found.end()) {
      ADD_FAILURE() << subject << " is lost " << when << "; it was: " << text;
    } else if (it->second != text) {
      ADD_FAILURE() << subject << " is " << it->second << " " << when << " instead of " << text;
    }
  }
  for (const auto& [subject, text] : found) {
    if (!expected.contains(subject)) ADD_FAILURE() << subject << " is new " << when << ": " << text;
  }
}

// A trial that succeeded has the results that the leader of its last attempt sent, one that did not has none.
void check_results(const FakeCluster& cluster) {
  auto reader = store::ReportReader::open(cluster.directory());
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  for (const engine::SweepView& sweep : cluster.engine().sweeps(cluster.now())) {
    const auto data = (*reader)->report(sweep.id);
    ASSERT_TRUE(data.ok()) << data.status().message();
    for (const auto& row : data->trials) {
      const engine::TrialView trial = cluster.trial(row.trial);
      const auto sent = cluster.results_sent(row.trial, trial.attempt);
      const bool ended_well = trial.state == TrialState::kSucceeded || trial.state == TrialState::kDiverged;
      if (ended_well && sent) {
        EXPECT_EQ(to_text(std::map<std::string, double>(row.results.begin(), row.results.end())), to_text(*sent))
            << short_form(row.trial);
      } else if (!ended_well) {
        EXPECT_TRUE(row.results.empty()) << short_form(row.trial) << " has results although it is "
                                         << name(trial.state);
      }
    }
  }
}

std::vector<WorkerId> listening(const FakeCluster& cluster) {
  std::vector<WorkerId> ids;
  for (const auto& [id, worker] : cluster.workers()) {
    if (listens(cluster, id)) ids.push_back(id);
  }
  return ids;
}

// The coordinator has just died, after a commit.
void come_back(FakeCluster& cluster, bool compare) {
  const Facts before = durable_facts(cluster);
  const std::vector<WorkerId> connected = listening(cluster);
  cluster.restart();
  if (compare) expect_equal(before, durable_facts(cluster), "after the restart");
  cluster.complete_submissions();
  for (const WorkerId& id : connected) cluster.connect(id);
}

Facts replay(const std::vector<ReplayStep>& script, const ClusterOptions& options, std::optional<CrashPoint> crash) {
  ClusterOptions own = options;
  own.replay = false;
  own.reopen = false;
  FakeCluster cluster(own);
  if (crash) cluster.die_at(*crash);
  for (const ReplayStep& step : script) {
    try {
      step(cluster);
    } catch (const CoordinatorDied&) {
      come_back(cluster, !own.restarts_matter);
    }
  }
  settle(cluster);
  check_results(cluster);
  return end_of(cluster);
}

}  // namespace

void replay_with_restarts(const std::vector<ReplayStep>& script, const ClusterOptions& options, int64_t events) {
  const Facts expected = replay(script, options, std::nullopt);
  for (int64_t event = 1; event <= events && !::testing::Test::HasFailure(); ++event) {
    for (const Death death : {Death::kBeforeSending, Death::kAfterSending}) {
      SCOPED_TRACE(cat("told again, with a restart ", death == Death::kBeforeSending ? "within" : "after", " event ",
                       event, " of ", events));
      const Facts end = replay(script, options, CrashPoint{event, death});
      if (!options.restarts_matter) expect_equal(expected, end, "in the end");
    }
  }
}

}  // namespace autonorm::testing
