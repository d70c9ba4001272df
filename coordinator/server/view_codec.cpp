#include "coordinator/server/view_codec.h"

#include "proto/codec/wire_values.h"

namespace autonorm::server {

void encode(const engine::SweepView& view, v1::Sweep& wire) {
  wire.set_id(view.id.value());
  wire.set_name(view.name);
  wire.set_question(view.question);
  wire.set_state(view.state);
  for (const auto& [state, count] : view.counts) (*wire.mutable_counts())[std::string(name(state))] = count;
  wire.set_trials(view.trials);
  wire.set_cells(view.cells);
  wire.set_submitted_us(to_us(view.submitted));
  if (view.eta_s) wire.set_eta_s(*view.eta_s);
  for (const engine::FailureGroup& group : view.failures) {
    auto& out = *wire.add_failures();
    out.set_end(codec::encode_reason(group.end));
    out.set_text(group.text);
    out.set_count(group.count);
    out.set_example(group.example.value());
  }
}

Result<engine::SweepView> decode(const v1::Sweep& wire) {
  engine::SweepView view;
  view.id = SweepId(wire.id());
  view.name = wire.name();
  view.question = wire.question();
  view.state = wire.state();
  for (const auto& [word, count] : wire.counts()) {
    const auto state = parse_trial_state(word);
    if (!state) return invalid("Sweep.counts has a state '", word, "' that this version does not know");
    view.counts[*state] = count;
  }
  view.trials = wire.trials();
  view.cells = wire.cells();
  view.submitted = wall_from_us(wire.submitted_us());
  if (wire.has_eta_s()) view.eta_s = wire.eta_s();
  codec::WireReader in("Sweep");
  for (const auto& group : wire.failures())
    view.failures.push_back({in.reason(group.end()), group.text(), group.count(), TrialId(group.example())});
  if (!in.status().ok()) return in.status();
  return view;
}

void encode(const engine::TrialView& view, v1::Trial& wire) {
  wire.set_id(view.id.value());
  wire.set_variant(view.variant);
  codec::encode_map(view.labels, *wire.mutable_labels());
  wire.set_seed(view.seed);
  wire.set_state(std::string(name(view.state)));
  wire.set_attempt(view.attempt.value());
  wire.set_ranks(view.ranks);
  wire.set_is_stage(view.is_stage);
  wire.set_reason(view.reason);
  if (view.end) wire.set_end(codec::encode_reason(*view.end));
  for (const auto& worker : view.workers) wire.add_workers(worker.value());
  wire.set_host(view.host);
  wire.set_step(view.step);
  wire.set_total_steps(view.total_steps);
  wire.set_phase(view.phase);
  if (view.loss) wire.set_loss(*view.loss);
  wire.set_samples_per_s(view.samples_per_s);
}

Result<engine::TrialView> decode(const v1::Trial& wire) {
  codec::WireReader in("Trial");
  const auto state = parse_trial_state(wire.state());
  if (!state) return invalid("Trial.state is '", wire.state(), "', which this version does not know");
  engine::TrialView view;
  view.id = TrialId(wire.id());
  view.variant = wire.variant();
  view.labels = in.texts(wire.labels(), "labels");
  view.seed = wire.seed();
  view.state = *state;
  view.attempt = Attempt(wire.attempt());
  view.ranks = wire.ranks();
  view.is_stage = wire.is_stage();
  view.reason = wire.reason();
  if (wire.end() != v1::END_REASON_UNSPECIFIED) view.end = in.reason(wire.end());
  for (const auto& worker : wire.workers()) view.workers.emplace_back(worker);
  view.host = wire.host();
  view.step = wire.step();
  view.total_steps = wire.total_steps();
  view.phase = wire.phase();
  if (wire.has_loss()) view.loss = wire.loss();
  view.samples_per_s = wire.samples_per_s();
  if (!in.status().ok()) return in.status();
  return view;
}

Result<engine::TrialFilter> decode_filter(const v1::ListTrialsRequest& wire) {
  engine::TrialFilter filter{.variant = wire.variant(), .from = wire.from(), .most = wire.most()};
  for (const auto& word : wire.states()) {
    const auto state = parse_trial_state(word);
    if (!state) return invalid("ListTrials: there is no trial state '", word, "'");
    filter.states.insert(*state);
  }
  if (filter.from < 0 || filter.most < 0) return invalid("ListTrials: from and most must not be negative");
  return filter;
}

void encode(const engine::ExplainedTrial& trial, v1::ExplainedTrial& wire) {
  wire.set_id(trial.id.value());
  wire.set_sweep(trial.sweep.value());
  wire.set_variant(trial.variant);
  codec::encode_map(trial.labels, *wire.mutable_labels());
  wire.set_seed(trial.seed);
  wire.set_is_stage(trial.is_stage);
  wire.set_state(std::string(name(trial.state)));
  wire.set_attempt(trial.attempt.value());
  wire.set_reason(trial.reason);
  wire.set_outlook(trial.outlook);
  wire.set_failed_attempts(trial.failed_attempts);
  wire.set_max_attempts(trial.max_attempts);
  if (trial.checkpoint_step) wire.set_checkpoint_step(*trial.checkpoint_step);
}

Result<engine::ExplainedTrial> decode(const v1::ExplainedTrial& wire) {
  codec::WireReader in("ExplainedTrial");
  const auto state = parse_trial_state(wire.state());
  if (!state) return invalid("ExplainedTrial.state is '", wire.state(), "', which this version does not know");
  engine::ExplainedTrial trial{.id = TrialId(wire.id()),
                               .sweep = SweepId(wire.sweep()),
                               .variant = wire.variant(),
                               .labels = in.texts(wire.labels(), "labels"),
                               .seed = wire.seed(),
                               .is_stage = wire.is_stage(),
                               .state = *state,
                               .attempt = Attempt(wire.attempt()),
                               .reason = wire.reason(),
                               .outlook = wire.outlook(),
                               .failed_attempts = wire.failed_attempts(),
                               .max_attempts = wire.max_attempts(),
                               .checkpoint_step = {}};
  if (wire.has_checkpoint_step()) trial.checkpoint_step = wire.checkpoint_step();
  if (!in.status().ok()) return in.status();
  return trial;
}

void encode(const engine::WorkerView& view, v1::Worker& wire) {
  wire.set_id(view.id.value());
  wire.set_host(view.host);
  auto& device = *wire.mutable_device();
  device.set_kind(view.device.kind);
  device.set_index(view.device.index);
  device.set_name(view.device.name);
  device.set_memory_bytes(view.device.memory_bytes);
  wire.set_mpi_world(view.mpi_world);
  wire.set_mpi_rank(view.mpi_rank);
  wire.set_mpi_size(view.mpi_size);
  wire.set_state(view.state);
  wire.set_reason(view.reason);
  if (view.trial) wire.set_trial(view.trial->value());
  wire.set_lease_left_s(view.lease_left_s);
  wire.set_build(view.build);
  wire.set_torch(view.torch);
  wire.set_recovery(view.recovery);
}

engine::WorkerView decode(const v1::Worker& wire) {
  engine::WorkerView view;
  view.id = WorkerId(wire.id());
  view.host = wire.host();
  view.device = {wire.device().kind(), wire.device().index(), wire.device().name(), wire.device().memory_bytes()};
  view.mpi_world = wire.mpi_world();
  view.mpi_rank = wire.mpi_rank();
  view.mpi_size = wire.mpi_size();
  view.state = wire.state();
  view.reason = wire.reason();
  if (wire.has_trial()) view.trial = TrialId(wire.trial());
  view.lease_left_s = wire.lease_left_s();
  view.build = wire.build();
  view.torch = wire.torch();
  view.recovery = wire.recovery();
  return view;
}

void encode(const store::AttemptSummary& attempt, v1::AttemptLog& wire) {
  wire.set_trial(attempt.trial.value());
  wire.set_attempt(attempt.number.value());
  wire.set_ranks(attempt.ranks);
  wire.set_assigned_us(to_us(attempt.assigned));
  if (!attempt.ended) return;
  wire.set_ended_us(to_us(*attempt.ended));
  if (attempt.end) wire.set_end(codec::encode_reason(*attempt.end));
  wire.set_message(attempt.message);
  wire.set_signal(attempt.signal);
  wire.set_exit_code(attempt.exit_code);
  for (const auto& line : attempt.tail) wire.add_tail(line);
  wire.set_resident_bytes(attempt.memory.resident_bytes);
  wire.set_limit_bytes(attempt.memory.limit_bytes);
  wire.set_oom_kills(attempt.memory.oom_kills);
}

Result<store::AttemptSummary> decode(const v1::AttemptLog& wire) {
  codec::WireReader in("AttemptLog");
  store::AttemptSummary attempt;
  attempt.trial = TrialId(wire.trial());
  attempt.number = Attempt(wire.attempt());
  attempt.ranks = wire.ranks();
  attempt.assigned = wall_from_us(wire.assigned_us());
  if (wire.has_ended_us()) attempt.ended = wall_from_us(wire.ended_us());
  if (wire.end() != v1::END_REASON_UNSPECIFIED) attempt.end = in.reason(wire.end());
  attempt.message = wire.message();
  attempt.signal = wire.signal();
  attempt.exit_code = wire.exit_code();
  attempt.tail.assign(wire.tail().begin(), wire.tail().end());
  attempt.memory = {wire.resident_bytes(), wire.limit_bytes(), wire.oom_kills()};
  if (!in.status().ok()) return in.status();
  return attempt;
}

void encode(const store::StoredLine& line, v1::StoredLine& wire) {
  wire.set_time_us(to_us(line.time));
  wire.set_rank(line.rank);
  wire.set_level(line.level);
  wire.set_text(line.text);
}

store::StoredLine decode(const v1::StoredLine& wire) {
  return {.time = wall_from_us(wire.time_us()), .rank = wire.rank(), .level = wire.level(), .text = wire.text()};
}

void encode(const config::SweepSource& source, v1::SweepSource& wire) {
  wire.set_root(source.root);
  for (const auto& [path, text] : source.files) {
    auto& file = *wire.add_files();
    file.set_path(path);
    file.set_text(text);
  }
}

Result<config::SweepSource> decode(const v1::SweepSource& wire) {
  config::SweepSource source;
  source.root = wire.root();
  for (const auto& file : wire.files()) {
    if (!source.files.emplace(file.path(), file.text()).second) {
      return invalid("SweepSource.files names '", file.path(), "' twice");
    }
  }
  if (!source.files.contains(source.root))
    return invalid("SweepSource.root '", source.root, "' is not among its files");
  return source;
}

}  // namespace autonorm::server
