#include "coordinator/store/change_writer.h"

#include <nlohmann/json.hpp>

#include "coordinator/engine/trial_edges.h"
#include "coordinator/store/database.h"
#include "coordinator/store/number_list.h"
#include "coordinator/store/steady_time.h"
#include "core/base/sha256.h"

namespace autonorm::store {
namespace {

using nlohmann::json;

constexpr size_t kRememberedConfigurations = 256;   // the trials of one cell come one after the other
constexpr size_t kRememberedLists = 4'096;          // those of a whole sweep are few
constexpr const char* kOwnFact = "weights_sha256";  // no other trial has it

// Text from machines may hold bytes that are not UTF-8.
std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::optional<std::string> word(const std::optional<EndReason>& reason) {
  if (!reason) return std::nullopt;
  return std::string(name(*reason));
}

std::optional<std::string> manifest_of(const std::optional<fleet::ResumePoint>& resume) {
  if (!resume) return std::nullopt;
  return resume->manifest.value();
}
std::optional<int64_t> step_of(const std::optional<fleet::ResumePoint>& resume) {
  if (!resume) return std::nullopt;
  return resume->step;
}

Status expect_one(int changed, std::string_view what, int64_t row) {
  if (changed == 1) return {};
  return conflict(what, " ", row, " has moved on: a late report was about to be written");
}

}  // namespace

Status ChangeWriter::write(const engine::Change& change) {
  return std::visit([this](const auto& c) { return put(c); }, change);
}

Status ChangeWriter::put(const engine::SweepInserted& change) {
  const engine::SweepRecord& s = change.sweep;
  run(connection_, "INSERT INTO sweep VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", s.id, s.key, s.content,
      s.name, s.question, s.baseline, s.metric, s.profile, s.margin, s.alpha, dump(s.seeds), s.max_seeds,
      dump(s.variants), dump(s.matrix_keys), s.cells, s.trials, s.fresh, to_us(s.submitted), name(s.state),
      dump({{"root", change.source.root}, {"files", change.source.files}}), s.priority, s.max_parallel, s.fail_fast,
      s.tolerated);
  return {};
}

Status ChangeWriter::put(const engine::SweepStateSet& change) {
  return expect_one(run(connection_, "UPDATE sweep SET state = ?, tolerated = ? WHERE id = ?", name(change.state),
                        change.tolerated, change.sweep),
                    "sweep", change.sweep.value());
}

int64_t ChangeWriter::configuration_row(const engine::FrozenConfig& config) {
  const auto known = configurations_.find(config.hash);
  if (known != configurations_.end()) return known->second;
  if (configurations_.size() >= kRememberedConfigurations) configurations_.clear();
  int64_t row = 0;
  SQLite::Statement& query = connection_.statement(
      "SELECT id FROM configuration WHERE substr(hash, 1, 20) = substr(?1, 1, 20) AND +hash = ?1");
  if (Binder{query}(config.hash).executeStep()) row = query.getColumn(0).getInt64();
  query.tryReset();
  if (row == 0) {
    run(connection_, "INSERT INTO configuration (hash, json) VALUES (?, ?)", config.hash, config.json);
    row = connection_.database().getLastInsertRowid();
  }
  configurations_.emplace(config.hash, row);
  return row;
}

std::optional<int64_t> ChangeWriter::list_row(const json& texts) {
  if (texts.empty()) return std::nullopt;
  const std::string list = dump(texts);
  const Sha256 digest = sha256(list);
  const auto known = lists_.find(digest);
  if (known != lists_.end()) return known->second;
  if (lists_.size() >= kRememberedLists) lists_.clear();
  run(connection_, "INSERT OR IGNORE INTO text_list (digest, json) VALUES (?, ?)", digest, list);
  int64_t row = 0;
  SQLite::Statement& query = connection_.statement("SELECT id FROM text_list WHERE digest = ?");
  if (Binder{query}(digest).executeStep()) row = query.getColumn(0).getInt64();
  query.tryReset();
  lists_.emplace(digest, row);
  return row;
}

Status ChangeWriter::put(const engine::TrialInserted& change) {
  const engine::TrialRecord& t = change.trial;
  run(connection_,
      "INSERT INTO trial (id, hash, configuration, seed, ranks, device, priority, max_attempts, timeout_s, "
      "stall_timeout_s, state) "
      "VALUES (?,?,?,?,?,?,?,?,?,?,?)",
      t.key, t.id, configuration_row(*change.config), t.seed, t.ranks, t.device, t.settings.priority,
      t.settings.max_attempts, t.settings.timeout_s, t.settings.stall_timeout_s, name(t.state));
  for (const engine::StageInput& input : t.inputs) {
    run(connection_, "INSERT INTO trial_input VALUES (?,?,?)", t.key, input.stage, input.trial);
  }
  return {};
}

Status ChangeWriter::put(const engine::TrialRevised& change) {
  return expect_one(
      run(connection_,
          "UPDATE trial SET configuration = ?, priority = ?, max_attempts = ?, timeout_s = ?, stall_timeout_s = ? "
          "WHERE id = ?",
          configuration_row(*change.config), change.settings.priority, change.settings.max_attempts,
          change.settings.timeout_s, change.settings.stall_timeout_s, change.trial),
      "trial", change.trial);
}

Status ChangeWriter::put(const engine::ClaimInserted& change) {
  const engine::ClaimRecord& c = change.claim;
  if (labels_ != c.labels) {  // the seeds of a cell share theirs
    labels_ = c.labels;
    labels_text_ = dump(*c.labels);
  }
  run(connection_, "INSERT INTO claim VALUES (?,?,?,?,?,?,?)", c.sweep, c.position, c.trial, c.variant, labels_text_,
      c.seed, c.is_stage);
  return {};
}

Status ChangeWriter::put(const engine::TrialMoved& change) {
  if (!engine::allowed(change.from, change.to)) {
    return conflict("trial ", change.trial, " cannot go from ", name(change.from), " to ", name(change.to));
  }
  return expect_one(
      run(connection_,
          "UPDATE trial SET state = ?, attempt = ?, token = ?, end = ?, reason = ?, counted = ?, uncounted = ?, "
          "anew_after = CASE WHEN ? THEN attempt ELSE anew_after END, "
          "trained_ms = CASE WHEN ? THEN 0 ELSE trained_ms END "
          "WHERE id = ? AND attempt = ? AND token = ? AND state = ?",
          name(change.to), change.new_attempt, change.new_token, word(change.end), change.reason, change.counted,
          change.uncounted, change.anew, change.anew, change.trial, change.attempt, change.token, name(change.from)),
      "trial", change.trial);
}

void ChangeWriter::put_member(engine::AttemptRow attempt, const engine::MemberRecord& member) {
  run(connection_, "INSERT INTO attempt_member (attempt, rank, worker, host, device, incarnation) VALUES (?,?,?,?,?,?)",
      attempt, member.rank, member.worker, member.host, member.device, member.incarnation);
}

Status ChangeWriter::put(const engine::AttemptInserted& change) {
  const engine::AttemptRecord& a = change.attempt;
  run(connection_,
      "INSERT INTO attempt (id, trial, number, token, tag, resume_manifest, resume_step, assigned_us, trained_ms) "
      "VALUES (?,?,?,?,?,?,?,?,?)",
      a.row, a.trial, a.number, a.token, a.tag, manifest_of(a.resume), step_of(a.resume), to_us(a.assigned),
      a.trained.count());
  for (const engine::MemberRecord& member : a.members) put_member(a.row, member);
  return {};
}

Status ChangeWriter::put(const engine::AttemptListening& change) {
  return expect_one(run(connection_, "UPDATE attempt SET endpoint = ? WHERE id = ? AND token = ? AND ended_us IS NULL",
                        change.endpoint, change.row, change.token),
                    "attempt", change.row);
}

Status ChangeWriter::put(const engine::AttemptRunning& change) {
  return expect_one(
      run(connection_,
          "UPDATE attempt SET running_us = ?, running_steady_us = ?, clock_era = ? WHERE id = ? AND token = ? AND "
          "ended_us IS NULL",
          to_us(change.since.wall), steady_to_us(change.since.steady), change.since.era, change.row, change.token),
      "attempt", change.row);
}

Status ChangeWriter::put(const engine::MemberAdvanced& change) {
  return expect_one(
      run(connection_, "UPDATE attempt_member SET acked = ?, joined = ?, released = ? WHERE attempt = ? AND rank = ?",
          change.acked, change.joined, change.released, change.row, change.rank),
      "attempt", change.row);
}

Status ChangeWriter::put(const engine::AttemptEnded& change) {
  return expect_one(
      run(connection_,
          "UPDATE attempt SET ended_us = ?, end = ?, message = ?, culprit = ?, signal = ?, exit_code = ?, step = ?, "
          "log_tail = ?, resident_bytes = ?, limit_bytes = ?, oom_kills = ? WHERE id = ? AND token = ? AND ended_us IS "
          "NULL",
          to_us(change.time), name(change.reason), change.message, change.culprit, change.signal, change.exit_code,
          change.step, dump(change.log_tail), change.memory.resident_bytes, change.memory.limit_bytes,
          change.memory.oom_kills, change.row, change.token),
      "attempt", change.row);
}

// No row, no harm: the attempt gave an account of itself, went on to a result, or another rank is to blame.
Status ChangeWriter::put(const engine::AttemptDescribed& change) {
  run(connection_,
      "UPDATE attempt SET log_tail = ?1, resident_bytes = ?2, limit_bytes = ?3, oom_kills = ?4 WHERE trial = ?5 AND "
      "number = ?6 AND token = ?7 AND ended_us IS NOT NULL AND end NOT IN ('completed', 'diverged') AND log_tail = "
      "'[]' AND resident_bytes = 0 AND (culprit = ?8 OR culprit = '' AND EXISTS (SELECT 1 FROM attempt_member WHERE "
      "attempt = attempt.id AND rank = 0 AND worker = ?8))",
      dump(change.last.log_tail), change.last.memory.resident_bytes, change.last.memory.limit_bytes,
      change.last.memory.oom_kills, change.trial, change.number, change.token, change.worker);
  return {};
}

Status ChangeWriter::check_open(engine::AttemptRow attempt, const Token& token) {
  SQLite::Statement& query =
      connection_.statement("SELECT 1 FROM attempt WHERE id = ? AND token = ? AND ended_us IS NULL");
  const bool open = Binder{query}(attempt, token).executeStep();
  query.tryReset();
  return expect_one(open ? 1 : 0, "attempt", attempt);
}

Status ChangeWriter::put(const engine::MetricsAdded& change) {
  AUTONORM_RETURN_IF_ERROR(check_open(change.row, change.token));
  for (const fleet::MetricPoint& point : change.points) {
    run(connection_, "INSERT OR REPLACE INTO metric_point VALUES (?,?,?,?)", change.row, point.metric, point.step,
        point.value);
  }
  return {};
}

Status ChangeWriter::put(const engine::NormStatsAdded& change) {
  AUTONORM_RETURN_IF_ERROR(check_open(change.row, change.token));
  for (const fleet::NormStat& stat : change.stats) {
    for (const auto& [name, value] : stat.values) {
      run(connection_, "INSERT OR REPLACE INTO norm_stat VALUES (?,?,?,?,?)", change.row, stat.site, stat.step, name,
          value);
    }
  }
  return {};
}

Status ChangeWriter::put(const engine::LogAdded& change) {
  AUTONORM_RETURN_IF_ERROR(check_open(change.row, change.token));
  run(connection_, "INSERT INTO log_line (attempt, rank, time_us, level, text) VALUES (?,?,?,?,?)", change.row,
      change.rank, to_us(change.time), change.line.level, change.line.text);
  return {};
}

// Where the next attempt begins.
Status ChangeWriter::point_at(engine::TrialKey trial, const Token& token,
                              const std::optional<fleet::ResumePoint>& resume, std::chrono::milliseconds trained) {
  return expect_one(
      run(connection_,
          "UPDATE trial SET resume_manifest = ?, resume_step = ?, trained_ms = ? WHERE id = ? AND token = ?",
          manifest_of(resume), step_of(resume), trained.count(), trial, token),
      "trial", trial);
}

Status ChangeWriter::put(const engine::CheckpointAdded& change) {
  AUTONORM_RETURN_IF_ERROR(check_open(change.row, change.token));
  const fleet::CheckpointSaved& c = change.checkpoint;
  run(connection_, "INSERT OR REPLACE INTO checkpoint VALUES (?,?,?,?,?)", change.row, c.step, c.manifest, c.bytes,
      change.durable);
  if (!change.durable) return {};
  return point_at(change.trial, change.token, fleet::ResumePoint{c.manifest, c.step}, change.trained);
}

Status ChangeWriter::put(const engine::CheckpointDropped& change) {
  run(connection_, "DELETE FROM checkpoint WHERE manifest = ? AND attempt IN (SELECT id FROM attempt WHERE trial = ?)",
      change.manifest, change.trial);
  return point_at(change.trial, change.token, change.resume, change.trained);
}

Status ChangeWriter::put(const engine::ResultDropped& change) {
  run(connection_, "DELETE FROM checkpoint WHERE attempt IN (SELECT id FROM attempt WHERE trial = ?)", change.trial);
  run(connection_, "DELETE FROM result_list WHERE trial = ?", change.trial);
  run(connection_, "DELETE FROM own_fact WHERE trial = ?", change.trial);
  run(connection_, "DELETE FROM result_artifact WHERE trial = ?", change.trial);
  run(connection_,
      "UPDATE trial SET resume_manifest = NULL, resume_step = NULL, model = '', initial = NULL, common_facts = NULL "
      "WHERE id = ?",
      change.trial);
  return {};
}

Status ChangeWriter::put(const engine::ResultAdded& change) {
  AUTONORM_RETURN_IF_ERROR(check_open(change.row, change.token));
  // Plain INSERTs: a second result for a trial would be a defect, and the primary key says so.
  json metrics = json::array();
  std::string numbers;
  for (const auto& [metric, value] : change.finished.results) {
    metrics.push_back(metric);
    numbers += (numbers.empty() ? "[" : ",") + number_text(value);
  }
  if (const auto names = list_row(metrics))
    run(connection_, "INSERT INTO result_list VALUES (?,?,?)", change.trial, *names, numbers + "]");
  std::map<std::string, std::string> facts = change.finished.facts;
  if (const auto own = facts.extract(kOwnFact); !own.empty()) {
    run(connection_, "INSERT INTO own_fact VALUES (?,?,?)", change.trial, own.key(), own.mapped());
  }
  for (const auto& [name, hash] : change.finished.artifacts) {
    run(connection_, "INSERT INTO result_artifact VALUES (?,?,?)", change.trial, name, hash);
  }
  const auto model = change.finished.artifacts.find("model");
  const Sha256 hash = model == change.finished.artifacts.end() ? Sha256{} : model->second;
  return expect_one(
      run(connection_, "UPDATE trial SET model = ?, initial = ?, common_facts = ? WHERE id = ? AND token = ?", hash,
          list_row(change.finished.initial), list_row(facts), change.trial, change.token),
      "trial", change.trial);
}

Status ChangeWriter::put(const engine::ArtifactAdded& change) {
  run(connection_, "INSERT OR REPLACE INTO artifact VALUES (?,?,?)", change.hash, change.bytes, to_us(change.time));
  return {};
}

Status ChangeWriter::put(const engine::ArtifactsRemoved& change) {
  for (const Sha256& hash : change.hashes) run(connection_, "DELETE FROM artifact WHERE hash = ?", hash);
  return {};
}

Status ChangeWriter::put(const engine::WorkerSeen& change) {
  const engine::WorkerRecord& w = change.worker;
  run(connection_, "INSERT OR REPLACE INTO worker VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", w.id, w.incarnation,
      w.host, w.mpi_world, w.mpi_rank, w.mpi_size, w.pid, w.device.kind, w.device.index, w.device.name,
      w.device.memory_bytes, w.build, w.torch, w.recovery, w.quarantine, to_us(w.seen), static_cast<int64_t>(w.drain));
  return {};
}

Status ChangeWriter::put(const engine::ReplyRemembered& change) {
  const engine::ReplyRecord& r = change.reply;
  run(connection_,
      "INSERT OR REPLACE INTO reply (key, sweep, existed, cells, trials, new_trials, cached, revived, affected, "
      "workers, call, answer) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
      r.key, r.sweep, r.existed, r.cells, r.trials, r.new_trials, r.cached, r.revived, r.affected, r.workers, r.call,
      r.answer);
  return {};
}

Status ChangeWriter::put(const engine::RetryNoted& change) {
  const engine::RetryRecord& r = change.retry;
  run(connection_, "INSERT OR REPLACE INTO retry VALUES (?,?,?,?,?,?,?,?)", r.id, r.sweep, r.variant, r.cancelled,
      r.after, r.affected, r.key, r.call);
  return {};
}

Status ChangeWriter::put(const engine::RetryDone& change) {
  run(connection_, "DELETE FROM retry WHERE id = ?", change.id);
  return {};
}

Status ChangeWriter::put(const engine::Journal& change) {
  run(connection_, "INSERT INTO event (time_us, kind, json) VALUES (?,?,?)", to_us(change.time), change.kind,
      change.json);
  return {};
}

}  // namespace autonorm::store
