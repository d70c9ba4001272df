#include "coordinator/store/snapshot_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "coordinator/store/rows.h"
#include "coordinator/store/steady_time.h"

namespace autonorm::store {
namespace {

using nlohmann::json;

template <class List>
List list_of(const std::string& text) {
  return json::parse(text).get<List>();
}

std::optional<fleet::ResumePoint> resume_point(Row& row) {
  std::string manifest = row.text();
  const std::optional<int64_t> step = row.optional_integer();
  if (!step) return std::nullopt;
  return fleet::ResumePoint{Sha256(std::move(manifest)), *step};
}

void read_sweeps(Connection& connection, engine::Snapshot& snapshot) {
  for_each_row(
      connection.statement(
          "SELECT id, key, content, name, question, baseline, metric, profile, margin, alpha, seeds, max_seeds, "
          "variants, matrix_keys, cells, trials, fresh, submitted_us, state, priority, max_parallel, fail_fast, "
          "tolerated "
          "FROM sweep ORDER BY id"),
      [&](Row& row) {
        engine::SweepRecord s;
        s.id = SweepId(row.integer());
        s.key = Sha256(row.text());
        s.content = Sha256(row.text());
        s.name = row.text(), s.question = row.text(), s.baseline = row.text(), s.metric = row.text(),
        s.profile = row.text();
        s.margin = row.real(), s.alpha = row.real();
        s.seeds = list_of<std::vector<uint64_t>>(row.text());
        s.max_seeds = row.integer();
        s.variants = list_of<std::vector<std::string>>(row.text());
        s.matrix_keys = list_of<std::vector<std::string>>(row.text());
        s.cells = row.integer(), s.trials = row.integer(), s.fresh = row.flag();
        s.submitted = wall_from_us(row.integer());
        s.state = engine::parse_sweep_state(row.text()).value_or(engine::SweepState::kCancelled);
        s.priority = row.integer(), s.max_parallel = row.integer(), s.fail_fast = row.integer();
        s.tolerated = row.integer();
        snapshot.sweeps.push_back(std::move(s));
      });
}

void read_trials(Connection& connection, engine::Snapshot& snapshot) {
  for_each_row(
      connection.statement(
          "SELECT id, hash, seed, ranks, device, priority, max_attempts, timeout_s, stall_timeout_s, state, "
          "attempt, token, end, reason, counted, uncounted, resume_manifest, resume_step, model, trained_ms FROM trial "
          "ORDER BY id"),
      [&](Row& row) {
        engine::TrialRecord t;
        t.key = row.integer();
        t.id = TrialId(row.text());
        t.seed = static_cast<uint64_t>(row.integer());
        t.ranks = row.integer();
        t.device = row.text();
        t.settings.priority = row.integer(), t.settings.max_attempts = row.integer();
        t.settings.timeout_s = row.integer(), t.settings.stall_timeout_s = row.integer();
        t.state = row.trial_state();
        t.attempt = Attempt(static_cast<int32_t>(row.integer()));
        t.token = Token(row.text());
        t.end = row.end_reason();
        t.reason = row.text();
        t.counted = row.integer(), t.uncounted = row.integer();
        t.resume = resume_point(row);
        t.model = Sha256(row.text());
        t.trained = std::chrono::milliseconds(row.integer());
        snapshot.trials.push_back(std::move(t));
      });
  for_each_row(connection.statement("SELECT trial, stage, parent FROM trial_input ORDER BY trial, stage"),
               [&](Row& row) {
                 engine::TrialRecord& trial = snapshot.trials.at(static_cast<size_t>(row.integer() - 1));
                 std::string stage = row.text();
                 trial.inputs.push_back({std::move(stage), row.integer()});
               });
}

void read_claims(Connection& connection, engine::Snapshot& snapshot) {
  // Few distinct labels, many claims: each text is parsed once.
  std::unordered_map<std::string, std::shared_ptr<const engine::Labels>> known;
  for_each_row(
      connection.statement(
          "SELECT sweep, position, trial, variant, labels, seed, is_stage FROM claim ORDER BY sweep, position"),
      [&](Row& row) {
        engine::ClaimRecord c;
        c.sweep = SweepId(row.integer());
        c.position = row.integer();
        c.trial = row.integer();
        c.variant = row.text();
        const std::string text = row.text();
        auto& labels = known[text];
        if (!labels) labels = std::make_shared<const engine::Labels>(list_of<engine::Labels>(text));
        c.labels = labels;
        c.seed = static_cast<uint64_t>(row.integer());
        c.is_stage = row.flag();
        snapshot.claims.push_back(std::move(c));
      });
}

void read_members(Connection& connection, engine::AttemptRecord& attempt) {
  SQLite::Statement& query = connection.statement(
      "SELECT rank, worker, host, device, acked, joined, released FROM attempt_member WHERE attempt = ? ORDER BY rank");
  for_each_row(Binder{query}(attempt.row), [&](Row& row) {
    engine::MemberRecord m;
    m.rank = static_cast<int>(row.integer());
    m.worker = WorkerId(row.text());
    m.host = row.text(), m.device = row.text();
    m.acked = Seq(row.integer());
    m.joined = row.flag();
    m.released = row.flag();
    attempt.members.push_back(std::move(m));
  });
}

void read_attempts(Connection& connection, engine::Snapshot& snapshot) {
  for_each_row(
      connection.statement("SELECT id, trial, number, token, tag, resume_manifest, resume_step, endpoint, assigned_us, "
                           "trained_ms, running_us, running_steady_us, clock_era, "
                           "(SELECT count(*) FROM log_line WHERE log_line.attempt = attempt.id) "
                           "FROM attempt WHERE ended_us IS NULL ORDER BY id"),
      [&](Row& row) {
        engine::AttemptRecord a;
        a.row = row.integer();
        a.trial = row.integer();
        a.number = Attempt(static_cast<int32_t>(row.integer()));
        a.token = Token(row.text());
        a.tag = static_cast<int32_t>(row.integer());
        a.resume = resume_point(row);
        a.endpoint = row.text();
        a.assigned = wall_from_us(row.integer());
        a.trained = std::chrono::milliseconds(row.integer());
        const std::optional<int64_t> running = row.optional_integer();
        const SteadyTime steady = steady_from_us(row.integer());
        const int64_t era = row.integer();
        if (running) a.running = engine::Moment{wall_from_us(*running), steady, era};
        a.log_lines = row.integer();
        snapshot.open_attempts.push_back(std::move(a));
      });
  for (engine::AttemptRecord& attempt : snapshot.open_attempts) read_members(connection, attempt);
  for_each_row(connection.statement("SELECT max(id) FROM attempt"),
               [&](Row& row) { snapshot.last_attempt = row.integer(); });
}

void read_blames(Connection& connection, engine::Snapshot& snapshot) {
  for_each_row(
      connection.statement(
          "SELECT trial.id, attempt.end, culprit, host FROM attempt INDEXED BY attempt_blamed "
          "JOIN trial ON trial.id = attempt.trial "
          "JOIN attempt_member ON attempt_member.attempt = attempt.id AND attempt_member.worker = culprit "
          "WHERE culprit <> '' AND number > anew_after AND state IN ('waiting', 'queued', 'assigned', 'running')"),
      [&](Row& row) {
        engine::BlameRecord blame;
        blame.trial = row.integer();
        const auto reason = row.end_reason();
        blame.worker = WorkerId(row.text());
        blame.host = row.text();
        if (!reason) return;
        blame.reason = *reason;
        snapshot.blames.push_back(std::move(blame));
      });
}

constexpr std::string_view kWorkerColumns =
    "SELECT id, incarnation, host, mpi_world, mpi_rank, mpi_size, pid, device_kind, device_index, device_name, "
    "device_memory, build, torch, recovery, quarantine, seen_us, drain FROM worker WHERE ";

engine::WorkerRecord worker_of(Row& row) {
  engine::WorkerRecord w;
  w.id = WorkerId(row.text());
  w.incarnation = row.integer();
  w.host = row.text(), w.mpi_world = row.text();
  w.mpi_rank = static_cast<int>(row.integer()), w.mpi_size = static_cast<int>(row.integer());
  w.pid = static_cast<int>(row.integer());
  w.device.kind = row.text();
  w.device.index = static_cast<int>(row.integer());
  w.device.name = row.text();
  w.device.memory_bytes = row.integer();
  w.build = row.text(), w.torch = row.text();
  w.recovery = row.flag();
  w.quarantine = row.text();
  w.seen = wall_from_us(row.integer());
  w.drain = static_cast<engine::Drain>(row.integer());
  return w;
}

// Members of open attempts, workers that are not to be used, and those whose trainers crashed lately.
void read_workers(Connection& connection, engine::Snapshot& snapshot) {
  const auto add = [&](Row& row) { snapshot.workers.push_back(worker_of(row)); };
  for_each_row(connection.statement(cat(kWorkerColumns,
                                        "quarantine <> '' OR drain <> 0 OR id IN (SELECT worker FROM attempt_member "
                                        "WHERE attempt IN (SELECT id FROM attempt WHERE ended_us IS NULL))")),
               add);
  for (const engine::CrashRecord& crash : snapshot.crashes) {
    if (std::ranges::find(snapshot.workers, crash.worker, &engine::WorkerRecord::id) != snapshot.workers.end())
      continue;
    for_each_row(Binder{connection.statement(cat(kWorkerColumns, "id = ?"))}(crash.worker), add);
  }
}

bool finished_since(Connection& connection, const WorkerId& worker, int64_t attempt) {
  bool found = false;
  SQLite::Statement& query = connection.statement(
      "SELECT 1 FROM attempt JOIN attempt_member ON attempt_member.attempt = attempt.id WHERE attempt.id > ? AND "
      "worker = ? AND end IN ('completed', 'diverged') LIMIT 1");
  for_each_row(Binder{query}(attempt, worker), [&](Row&) { found = true; });
  return found;
}

// Of the last hour in which anything happened: more than any window in which they count. Of processes of the worker
// before its present one none counts.
void read_crashes(Connection& connection, engine::Snapshot& snapshot) {
  std::vector<int64_t> attempts;
  for_each_row(connection.statement(
                   "SELECT attempt.id, culprit, attempt.trial, signal, ended_us FROM attempt INDEXED BY attempt_blamed "
                   "JOIN attempt_member AS member ON member.attempt = attempt.id AND member.worker = culprit "
                   "JOIN worker ON worker.id = culprit AND worker.incarnation = member.incarnation "
                   "WHERE culprit <> '' AND end = 'trainer_crashed' AND ended_us > (SELECT max(ended_us) FROM "
                   "(SELECT ended_us FROM attempt ORDER BY id DESC LIMIT 1000)) - 3600000000 ORDER BY ended_us"),
               [&](Row& row) {
                 attempts.push_back(row.integer());
                 engine::CrashRecord crash;
                 crash.worker = WorkerId(row.text());
                 crash.trial = row.integer();
                 crash.signal = static_cast<int>(row.integer());
                 crash.time = wall_from_us(row.integer());
                 snapshot.crashes.push_back(std::move(crash));
               });
  std::vector<engine::CrashRecord> counting;
  for (size_t i = 0; i < attempts.size(); ++i) {
    engine::CrashRecord& crash = snapshot.crashes[i];
    if (!finished_since(connection, crash.worker, attempts[i])) counting.push_back(std::move(crash));
  }
  snapshot.crashes = std::move(counting);
}

void read_retries(Connection& connection, engine::Snapshot& snapshot) {
  for_each_row(connection.statement(
                   "SELECT id, sweep, variant, cancelled, after_trial, affected, key, call FROM retry ORDER BY id"),
               [&](Row& row) {
                 engine::RetryRecord r;
                 r.id = row.integer();
                 r.sweep = SweepId(row.integer());
                 r.variant = row.text();
                 r.cancelled = row.flag();
                 r.after = row.integer();
                 r.affected = row.integer();
                 r.key = row.text();
                 r.call = row.text();
                 snapshot.retries.push_back(std::move(r));
               });
}

void read_replies(Connection& connection, engine::Snapshot& snapshot) {
  for_each_row(connection.statement("SELECT key, sweep, existed, cells, trials, new_trials, cached, revived, affected, "
                                    "workers, call, answer FROM "
                                    "(SELECT * FROM reply ORDER BY id DESC LIMIT 10000) ORDER BY id"),
               [&](Row& row) {
                 engine::ReplyRecord r;
                 r.key = row.text();
                 r.sweep = SweepId(row.integer());
                 r.existed = row.flag();
                 r.cells = row.integer(), r.trials = row.integer(), r.new_trials = row.integer();
                 r.cached = row.integer(), r.revived = row.integer(), r.affected = row.integer();
                 r.workers = row.integer();
                 r.call = row.text();
                 r.answer = row.text();
                 snapshot.replies.push_back(std::move(r));
               });
}

}  // namespace

engine::Snapshot read_snapshot(Connection& connection, const std::function<bool(const Sha256&)>& artifact_exists) {
  engine::Snapshot snapshot;
  read_sweeps(connection, snapshot);
  read_trials(connection, snapshot);
  read_claims(connection, snapshot);
  read_attempts(connection, snapshot);
  read_blames(connection, snapshot);
  read_crashes(connection, snapshot);
  read_workers(connection, snapshot);
  read_retries(connection, snapshot);
  read_replies(connection, snapshot);
  for_each_row(connection.statement("SELECT hash FROM artifact"), [&](Row& row) {
    Sha256 hash(row.text());
    if (artifact_exists(hash)) snapshot.artifacts.push_back(std::move(hash));
  });
  return snapshot;
}

}  // namespace autonorm::store
