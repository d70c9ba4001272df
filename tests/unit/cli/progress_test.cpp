#include "coordinator/cli/progress.h"

#include <gtest/gtest.h>

#include "coordinator/cli/text_table.h"

namespace autonorm::cli {
namespace {

using Lines = std::vector<std::string>;
using std::chrono::seconds;

WatchView view(int64_t succeeded, int64_t step) {
  WatchView view;
  view.sweep.id = SweepId(1);
  view.sweep.name = "norms";
  view.sweep.state = "running";
  view.sweep.trials = 4;
  view.sweep.counts = {
      {TrialState::kQueued, 3 - succeeded}, {TrialState::kRunning, 1}, {TrialState::kSucceeded, succeeded}};
  view.workers = 2;
  engine::TrialView trial;
  trial.id = TrialId(std::string(64, 'a'));
  trial.variant = "RMSNorm";
  trial.labels = {{"data.name", "digits"}};
  trial.state = TrialState::kRunning;
  trial.attempt = Attempt(1);
  trial.phase = "training";
  trial.step = step;
  trial.total_steps = 400;
  trial.loss = 0.41234;
  trial.samples_per_s = 8123;
  view.active = {trial};
  return view;
}

TEST(Progress, ScreenShowsCountsBarStepLossSpeedAndTimeLeft) {
  Progress progress;
  const SteadyTime start{};
  progress.screen(view(1, 100), start, 120, 8);
  auto later = view(1, 200);
  later.sweep.eta_s = 75;
  EXPECT_EQ(progress.screen(later, start + seconds(10), 30, 8).at(1), "[#######.....................]");
  EXPECT_EQ(progress.screen(later, start + seconds(10), 120, 8),
            (Lines{"norms (sweep 1) running: 1/4 done, 1 running, 2 waiting, 2 workers, 1 min 15 s left",
                   "[###############.............................................]",
                   "  aaaaaaaaaaaa  RMSNorm, digits, seed 0  step 200/400  loss 0.4123  8,123 samples/s  20 s left"}));
}

TEST(Progress, NoLineIsWiderThanTheTerminal) {
  Progress progress;
  auto wide = view(1, 100);
  wide.active[0].variant = std::string(300, 'x') + "ä";
  wide.trouble = std::string(300, 'y');
  for (const auto& line : progress.screen(wide, {}, 60, 8)) EXPECT_LE(display_width(line), 60u) << line;
}

TEST(Progress, ScreenLeavesOutWhatDoesNotFit) {
  Progress progress;
  auto many = view(1, 100);
  many.active.assign(10, many.active[0]);
  const auto lines = progress.screen(many, {}, 80, 3);
  EXPECT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines.back(), "  … and 7 more");
}

TEST(Progress, NewsComeOnlyWhenSomethingChanged) {
  Progress progress;
  EXPECT_EQ(progress.news(view(0, 10), SteadyTime{}),
            (Lines{"norms (sweep 1) running: 0/4 done, 1 running, 3 waiting, 2 workers",
                   "  aaaaaaaaaaaa  RMSNorm, digits, seed 0  step 10/400  loss 0.4123  8,123 samples/s"}));
  EXPECT_EQ(progress.news(view(0, 20), SteadyTime{} + seconds(1)), Lines{});
  EXPECT_EQ(progress.news(view(0, 110), SteadyTime{} + seconds(10)),
            (Lines{"  aaaaaaaaaaaa  RMSNorm, digits, seed 0  step 110/400  loss 0.4123  8,123 samples/s  29 s left"}));
  EXPECT_EQ(progress.news(view(1, 120), SteadyTime{} + seconds(11)),
            (Lines{"norms (sweep 1) running: 1/4 done, 1 running, 2 waiting, 2 workers"}));
}

TEST(Progress, ANewAttemptIsToldAgain) {
  Progress progress;
  progress.news(view(0, 110), {});
  auto again = view(0, 0);
  again.active[0].attempt = Attempt(2);
  EXPECT_EQ(progress.news(again, {}),
            (Lines{"  aaaaaaaaaaaa  RMSNorm, digits, seed 0  step 0/400  loss 0.4123  8,123 samples/s  (attempt 2)"}));
}

TEST(Progress, ATrialThatHasNotSaidAnythingYetBegins) {
  Progress progress;
  auto fresh = view(0, 0);
  fresh.active[0].phase = "";
  fresh.active[0].total_steps = 0;
  fresh.active[0].loss.reset();
  fresh.active[0].samples_per_s = 0;
  EXPECT_EQ(progress.news(fresh, {}).at(1), "  aaaaaaaaaaaa  RMSNorm, digits, seed 0  begins");
}

TEST(Progress, TroubleIsToldOnceAndSoIsItsEnd) {
  Progress progress;
  progress.news(view(0, 10), {});
  auto stuck = view(0, 10);
  stuck.trouble = "disk full; free space on /data";
  EXPECT_EQ(progress.news(stuck, {}), Lines{"TROUBLE: disk full; free space on /data"});
  EXPECT_EQ(progress.news(stuck, {}), Lines{});
  EXPECT_EQ(progress.news(view(0, 10), {}), Lines{"the trouble is over"});
}

TEST(Progress, ItSaysWhenNothingRuns) {
  Progress progress;
  auto idle = view(1, 0);
  idle.active.clear();
  idle.sweep.counts[TrialState::kRunning] = 0;
  EXPECT_EQ(progress.news(idle, {}),
            Lines{"norms (sweep 1) running: 1/4 done, 2 waiting, 2 workers, nothing is running"});
  idle.sweep.state = "paused";
  EXPECT_EQ(progress.news(idle, {}), Lines{"norms (sweep 1) paused: 1/4 done, 2 waiting, 2 workers"});
}

TEST(Progress, FailuresStandOut) {
  Progress progress;
  auto failed = view(1, 10);
  failed.sweep.counts[TrialState::kFailed] = 1;
  failed.sweep.counts[TrialState::kQueued] = 1;
  EXPECT_EQ(progress.news(failed, {}).at(0),
            "norms (sweep 1) running: 2/4 done, 1 running, 1 waiting, 1 FAILED, 2 workers");
}

}  // namespace
}  // namespace autonorm::cli
