// Tables, words and JSON of the listings.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "coordinator/cli/text_table.h"
#include "coordinator/cli/view_json.h"
#include "coordinator/cli/view_text.h"
#include "coordinator/cli/wording.h"

namespace autonorm::cli {
namespace {

engine::SweepView sweep(int64_t id, const std::string& state = "running") {
  engine::SweepView view;
  view.id = SweepId(id);
  view.name = "norms";
  view.question = "Which?";
  view.state = state;
  view.counts = {
      {TrialState::kQueued, 2}, {TrialState::kRunning, 1}, {TrialState::kSucceeded, 3}, {TrialState::kFailed, 1}};
  view.trials = 7;
  view.cells = 8;
  view.submitted = wall_from_us(1'700'000'000'000'000);
  view.eta_s = 75;
  return view;
}

engine::TrialView trial(TrialState state) {
  engine::TrialView view;
  view.id = TrialId(std::string(64, 'a'));
  view.variant = "RMSNorm";
  view.labels = {{"data.name", "mnist"}};
  view.seed = 2;
  view.state = state;
  view.attempt = Attempt(1);
  return view;
}

TEST(TextTable, AlignsColumnsByCharactersAndLeavesNoBlanksAtTheEnd) {
  EXPECT_EQ(text_table({{"name"}, {"n", Align::kRight}, {"note"}}, {{"ä", "10", ""}, {"long one", "7", "x"}}),
            "name       n  note\nä         10\nlong one   7  x\n");
}

TEST(Wording, DurationsReadLikeSpeech) {
  EXPECT_EQ(duration_text(-3), "0 s");
  EXPECT_EQ(duration_text(7.2), "8 s");
  EXPECT_EQ(duration_text(185), "3 min 5 s");
  EXPECT_EQ(duration_text(180), "3 min");
  EXPECT_EQ(duration_text(2 * 3600 + 600), "2 h 10 min");
  EXPECT_EQ(duration_text(76 * 3600), "3 d 4 h");
}

TEST(Wording, NumbersHaveThousands) {
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(999), "999");
  EXPECT_EQ(number_text(1234567), "1,234,567");
  EXPECT_EQ(number_text(-1234), "-1,234");
  EXPECT_EQ(count_text(1, "trial"), "1 trial");
  EXPECT_EQ(count_text(2000, "trial"), "2,000 trials");
}

TEST(ListingText, SweepsNewestFirst) {
  EXPECT_EQ(sweeps_text({sweep(1, "done"), sweep(2)}),
            "id  name   state    ended  running  failed  time left   submitted\n"
            " 2  norms  running    4/7        1       1  1 min 15 s  2023-11-14T22:13:20Z\n"
            " 1  norms  done       4/7        1       1              2023-11-14T22:13:20Z\n");
}

TEST(ListingText, WithoutATimeLeftItIsSaidWhy) {
  engine::SweepView view = sweep(1);
  EXPECT_EQ(time_left_text(view), "1 min 15 s");
  view.eta_s.reset();
  EXPECT_EQ(time_left_text(view), "not known yet");
  view.counts.erase(TrialState::kRunning);
  EXPECT_EQ(time_left_text(view), "nothing is running");
  view.counts[TrialState::kAssigned] = 1;
  EXPECT_EQ(time_left_text(view), "not known yet");
  for (const char* state : {"paused", "halted"}) {
    view.state = state;
    EXPECT_EQ(time_left_text(view), state);
  }
  EXPECT_NE(sweep_text(view, {}).find("\ntime left: halted\n"), std::string::npos) << sweep_text(view, {});
  EXPECT_NE(sweeps_text({view}).find("  halted     2023-11-14T22:13:20Z\n"), std::string::npos) << sweeps_text({view});
  for (const char* state : {"done", "cancelled"}) {
    view.state = state;
    EXPECT_EQ(time_left_text(view), "");
  }
}

TEST(ListingText, EmptyListsSayWhatToDo) {
  EXPECT_EQ(sweeps_text({}), "no sweep yet; submit one: coordinator submit FILE\n");
  EXPECT_EQ(workers_text({}), "no worker is connected; start some: mpirun -np N worker --coordinator ADDR\n");
}

TEST(ListingText, StatusShowsCountsAndTheTrialsOfThePage) {
  auto failed = trial(TrialState::kFailed);
  failed.reason = "killed by signal 9";
  failed.end = EndReason::kTrainerCrashed;
  const std::string text = sweep_text(sweep(3), {.trials = {failed}, .matching = 1, .next = {}});
  EXPECT_EQ(text,
            "sweep 3  norms  running\nWhich?\n8 cells, 7 distinct trials: 2 queued, 1 running, 3 succeeded, 1 failed\n"
            "time left: 1 min 15 s\n\n"
            "trial         variant  cell           state   attempt  step  loss  host  reason\n"
            "aaaaaaaaaaaa  RMSNorm  mnist, seed 2  failed        1                    killed by signal 9\n");
}

TEST(ListingText, FailuresBeyondTheListedKindsAreCounted) {
  engine::SweepView view = sweep(3);
  view.counts[TrialState::kFailed] = 14;
  view.failures = {{.end = EndReason::kTrainerCrashed, .text = "died", .count = 2, .example = TrialId("0123456789ab")}};
  EXPECT_NE(sweep_text(view, {}).find("\n  … and 12 failed trials of other kinds\n"), std::string::npos);
  view.counts[TrialState::kFailed] = 2;
  EXPECT_EQ(sweep_text(view, {}).find("other kinds"), std::string::npos);
}

TEST(ListingText, StatusDoesNotListThousands) {
  const engine::TrialFilter filter = noteworthy_trials();
  EXPECT_FALSE(filter.states.contains(TrialState::kSucceeded));
  EXPECT_EQ(filter.states.size(), 8U);
  const engine::TrialPage page{.trials = std::vector(static_cast<size_t>(filter.most), trial(TrialState::kQueued)),
                               .matching = 1000,
                               .next = 40};
  const std::string text = sweep_text(sweep(3), page);
  EXPECT_NE(text.find("… and 960 more; choose with --trials or --variant, or all of them: --output json\n"),
            std::string::npos)
      << text;
}

TEST(ListingText, ServerSaysItsTrouble) {
  const ServerInfo info{.build = "0.1.0", .state_directory = "/s", .trouble = "disk full", .epoch = 4};
  EXPECT_EQ(server_text(info, "h:1", 2),
            "coordinator 0.1.0 at h:1, state in /s, start 4, 2 workers\nTROUBLE: disk full\n");
}

TEST(ListingJson, ASweepHasOneKeyPerState) {
  const auto json = nlohmann::json::parse(sweeps_json({sweep(3)}));
  ASSERT_TRUE(json.is_array());
  EXPECT_EQ(json[0].at("id"), 3);
  EXPECT_EQ(json[0].at("name"), "norms");
  EXPECT_EQ(json[0].at("state"), "running");
  EXPECT_EQ(json[0].at("queued"), 2);
  EXPECT_EQ(json[0].at("succeeded"), 3);
  EXPECT_EQ(json[0].at("diverged"), 0);
  EXPECT_EQ(json[0].at("eta_s"), 75);
  EXPECT_EQ(nlohmann::json::parse(sweeps_json({})), nlohmann::json::array());
}

TEST(ListingJson, StatusHasServerSweepAndTrials) {
  auto running = trial(TrialState::kRunning);
  running.step = 40;
  running.ranks = 2;
  running.loss = std::numeric_limits<double>::quiet_NaN();
  running.variant = "bad \xff bytes";
  const auto json = nlohmann::json::parse(status_json({}, sweep(3), {running}));
  EXPECT_EQ(json.at("sweep").at("id"), 3);
  EXPECT_EQ(json.at("server").at("trouble"), nullptr);
  const auto& only = json.at("trials").at(0);
  EXPECT_EQ(only.at("trial"), std::string(64, 'a'));
  EXPECT_EQ(only.at("state"), "running");
  EXPECT_EQ(only.at("step"), 40);
  EXPECT_EQ(only.at("ranks"), 2);
  EXPECT_EQ(only.at("attempt"), 1);
  EXPECT_EQ(only.at("loss"), nullptr);
  EXPECT_EQ(only.at("labels").at("data.name"), "mnist");
  EXPECT_EQ(nlohmann::json::parse(status_json({}, std::nullopt, {})).at("sweep"), nullptr);
}

TEST(ListingJson, AnExplanationHasItsTrialsAndWhatPeopleRead) {
  engine::Explanation explanation{.trials = {}, .lines = {"trial aaaa", "  waits"}, .failed = {}};
  engine::ExplainedTrial& trial = explanation.trials.emplace_back();
  trial.id = TrialId(std::string(64, 'a'));
  trial.sweep = SweepId(3);
  trial.state = TrialState::kQueued;
  trial.reason = "sweep 3 paused by user";
  trial.checkpoint_step = 40;
  const auto json = nlohmann::json::parse(explanation_json(explanation));
  EXPECT_EQ(json.at("lines").size(), 2U);
  const auto& only = json.at("trials").at(0);
  EXPECT_EQ(only.at("sweep"), 3);
  EXPECT_EQ(only.at("state"), "queued");
  EXPECT_EQ(only.at("reason"), "sweep 3 paused by user");
  EXPECT_EQ(only.at("checkpoint_step"), 40);
}

TEST(ListingJson, FailuresAreGroupsWithWhatExplainSays) {
  engine::SweepView view = sweep(3);
  view.counts[TrialState::kFailed] = 37;
  view.failures = {{EndReason::kTrainerCrashed, "died", 37, TrialId("0123456789ab")}};
  const engine::Explanation example{.trials = {}, .lines = {"trial 0123"}, .failed = {}};
  const auto json = nlohmann::json::parse(failures_json(view, {example}));
  EXPECT_EQ(json.at("sweep"), 3);
  EXPECT_EQ(json.at("failed"), 37);
  EXPECT_EQ(json.at("groups").at(0).at("count"), 37);
  EXPECT_EQ(json.at("groups").at(0).at("end"), "trainer_crashed");
  EXPECT_EQ(json.at("groups").at(0).at("lines").at(0), "trial 0123");
  view.failures.clear();
  EXPECT_EQ(nlohmann::json::parse(failures_json(view, {})).at("groups"), nlohmann::json::array());
}

TEST(ListingJson, WorkersAreAnArray) {
  engine::WorkerView worker;
  worker.id = WorkerId("w");
  worker.state = "idle";
  worker.device.kind = "cuda";
  const auto json = nlohmann::json::parse(workers_json({worker}));
  EXPECT_EQ(json.at(0).at("worker"), "w");
  EXPECT_EQ(json.at(0).at("state"), "idle");
  EXPECT_EQ(json.at(0).at("device"), "cuda");
  EXPECT_EQ(json.at(0).at("trial"), nullptr);
}

}  // namespace
}  // namespace autonorm::cli
