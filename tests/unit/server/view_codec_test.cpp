#include "coordinator/server/view_codec.h"

#include <gtest/gtest.h>

namespace autonorm::server {
namespace {

engine::TrialView full_trial() {
  engine::TrialView trial;
  trial.id = TrialId(std::string(64, 'a'));
  trial.variant = "RMSNorm \xff";  // a file may name a variant in any bytes
  trial.labels = {{"data.name", "mnist"}, {"model.depth", "6"}};
  trial.seed = UINT64_MAX;
  trial.state = TrialState::kFailed;
  trial.attempt = Attempt(3);
  trial.ranks = 2;
  trial.is_stage = true;
  trial.reason = "killed by signal 9";
  trial.end = EndReason::kTrainerCrashed;
  trial.workers = {WorkerId("a"), WorkerId("b")};
  trial.host = "node7";
  trial.step = 7;
  trial.total_steps = 70;
  trial.phase = "evaluating";
  trial.loss = 0.0;
  trial.samples_per_s = 12.5;
  return trial;
}

TEST(ViewCodec, ATrialSurvives) {
  const auto trial = full_trial();
  v1::Trial wire, parsed;
  encode(trial, wire);
  ASSERT_TRUE(parsed.ParseFromString(wire.SerializeAsString()));
  const auto back = decode(parsed);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(back->id, trial.id);
  EXPECT_EQ(back->variant, trial.variant);
  EXPECT_EQ(back->labels, trial.labels);
  EXPECT_EQ(back->seed, trial.seed);
  EXPECT_EQ(back->state, trial.state);
  EXPECT_EQ(back->attempt, trial.attempt);
  EXPECT_EQ(back->ranks, trial.ranks);
  EXPECT_EQ(back->is_stage, trial.is_stage);
  EXPECT_EQ(back->reason, trial.reason);
  EXPECT_EQ(back->end, trial.end);
  EXPECT_EQ(back->workers, trial.workers);
  EXPECT_EQ(back->host, trial.host);
  EXPECT_EQ(back->step, trial.step);
  EXPECT_EQ(back->total_steps, trial.total_steps);
  EXPECT_EQ(back->phase, trial.phase);
  EXPECT_EQ(back->loss, trial.loss);
  EXPECT_EQ(back->samples_per_s, trial.samples_per_s);
}

TEST(ViewCodec, WhatIsAbsentStaysAbsent) {
  v1::Trial wire;
  encode(engine::TrialView{}, wire);
  const auto trial = decode(wire);
  ASSERT_TRUE(trial.ok());
  EXPECT_EQ(trial->end, std::nullopt);
  EXPECT_EQ(trial->loss, std::nullopt);
  v1::Sweep sweep_wire;
  encode(engine::SweepView{}, sweep_wire);
  EXPECT_EQ(decode(sweep_wire)->eta_s, std::nullopt);
  v1::Worker worker_wire;
  encode(engine::WorkerView{}, worker_wire);
  EXPECT_EQ(decode(worker_wire).trial, std::nullopt);
}

TEST(ViewCodec, ASweepSurvives) {
  engine::SweepView sweep;
  sweep.id = SweepId(7);
  sweep.name = "norms";
  sweep.question = "?";
  sweep.state = "running";
  sweep.counts = {{TrialState::kQueued, 3}, {TrialState::kDiverged, 1}};
  sweep.trials = 4;
  sweep.cells = 6;
  sweep.submitted = wall_from_us(1'700'000'000'000'000);
  sweep.eta_s = 1.5;
  v1::Sweep wire;
  encode(sweep, wire);
  const auto back = decode(wire);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->id, sweep.id);
  EXPECT_EQ(back->name, sweep.name);
  EXPECT_EQ(back->question, sweep.question);
  EXPECT_EQ(back->state, sweep.state);
  EXPECT_EQ(back->counts, sweep.counts);
  EXPECT_EQ(back->trials, sweep.trials);
  EXPECT_EQ(back->cells, sweep.cells);
  EXPECT_EQ(back->submitted, sweep.submitted);
  EXPECT_EQ(back->eta_s, sweep.eta_s);
}

TEST(ViewCodec, AWorkerSurvives) {
  engine::WorkerView worker;
  worker.id = WorkerId("w");
  worker.host = "node7";
  worker.device = {"cuda", 3, "NVIDIA H200", 1LL << 37};
  worker.mpi_world = "world";
  worker.mpi_rank = 3;
  worker.mpi_size = 8;
  worker.state = "busy";
  worker.reason = "r";
  worker.trial = TrialId("t");
  worker.lease_left_s = 12.5;
  worker.build = "0.1.0";
  worker.torch = "2.11.0 AVX512";
  worker.recovery = true;
  v1::Worker wire;
  encode(worker, wire);
  const auto back = decode(wire);
  EXPECT_EQ(back.id, worker.id);
  EXPECT_EQ(back.host, worker.host);
  EXPECT_EQ(back.device, worker.device);
  EXPECT_EQ(back.mpi_world, worker.mpi_world);
  EXPECT_EQ(back.mpi_rank, worker.mpi_rank);
  EXPECT_EQ(back.mpi_size, worker.mpi_size);
  EXPECT_EQ(back.state, worker.state);
  EXPECT_EQ(back.reason, worker.reason);
  EXPECT_EQ(back.trial, worker.trial);
  EXPECT_EQ(back.lease_left_s, worker.lease_left_s);
  EXPECT_EQ(back.build, worker.build);
  EXPECT_EQ(back.torch, worker.torch);
  EXPECT_EQ(back.recovery, worker.recovery);
}

TEST(ViewCodec, StatesOfAnotherVersionAreRefused) {
  v1::Trial trial;
  trial.set_state("dreaming");
  EXPECT_EQ(decode(trial).status().message(), "Trial.state is 'dreaming', which this version does not know");
  v1::Sweep sweep;
  (*sweep.mutable_counts())["dreaming"] = 1;
  EXPECT_EQ(decode(sweep).status().message(), "Sweep.counts has a state 'dreaming' that this version does not know");
}

TEST(ViewCodec, ASweepSourceSurvivesAndMustHaveItsRootOnce) {
  const config::SweepSource source{.root = "a.toml", .files = {{"a.toml", "x = 1"}, {"presets/b.toml", "\xff"}}};
  v1::SweepSource wire;
  encode(source, wire);
  EXPECT_EQ(*decode(wire), source);
  wire.set_root("c.toml");
  EXPECT_EQ(decode(wire).status().message(), "SweepSource.root 'c.toml' is not among its files");
  *wire.add_files() = wire.files(0);
  EXPECT_EQ(decode(wire).status().message(), "SweepSource.files names 'a.toml' twice");
}

TEST(ViewCodec, AnExplainedTrialComesBackAsItWas) {
  engine::ExplainedTrial trial;
  trial.id = TrialId(std::string(64, 'b'));
  trial.sweep = SweepId(7);
  trial.variant = "RMSNorm";
  trial.labels = {{"data.name", "digits"}};
  trial.seed = 3;
  trial.state = TrialState::kWaiting;
  trial.attempt = Attempt(2);
  trial.reason = "waits for stage teacher";
  trial.outlook = "starts when trial aaaa ends";
  trial.failed_attempts = 1, trial.max_attempts = 3;
  v1::ExplainedTrial wire;
  encode(trial, wire);
  const auto back = decode(wire);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(back->id, trial.id);
  EXPECT_EQ(back->sweep, trial.sweep);
  EXPECT_EQ(back->labels, trial.labels);
  EXPECT_EQ(back->state, trial.state);
  EXPECT_EQ(back->attempt, trial.attempt);
  EXPECT_EQ(back->reason, trial.reason);
  EXPECT_EQ(back->outlook, trial.outlook);
  EXPECT_EQ(back->max_attempts, 3);
  EXPECT_EQ(back->checkpoint_step, std::nullopt);
  wire.set_state("dreaming");
  EXPECT_EQ(decode(wire).status().code(), Code::kInvalid);
}

TEST(ViewCodec, AFilterOfUnknownStatesOrNegativePlacesIsRefused) {
  v1::ListTrialsRequest wire;
  wire.add_states("failed");
  EXPECT_EQ(decode_filter(wire)->states, std::set{TrialState::kFailed});
  wire.set_from(-1);
  EXPECT_EQ(decode_filter(wire).status().code(), Code::kInvalid);
  wire.set_from(0);
  wire.add_states("dreaming");
  EXPECT_EQ(decode_filter(wire).status().message(), "ListTrials: there is no trial state 'dreaming'");
}

}  // namespace
}  // namespace autonorm::server
