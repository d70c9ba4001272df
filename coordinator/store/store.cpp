#include "coordinator/store/store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "coordinator/store/change_writer.h"
#include "coordinator/store/migrations.h"
#include "coordinator/store/rows.h"
#include "coordinator/store/snapshot_reader.h"
#include "coordinator/store/state_directory.h"
#include "coordinator/store/wal_watch.h"
#include "core/base/failpoint.h"

namespace autonorm::store {
namespace {

// What people read back is bounded: the newest million events and log lines, the newest ten thousand answers.
void forget_oldest(Connection& connection) {
  run(connection, "DELETE FROM log_line WHERE id <= (SELECT max(id) FROM log_line) - 1000000");
  run(connection, "DELETE FROM event WHERE seq <= (SELECT max(seq) FROM event) - 1000000");
  run(connection, "DELETE FROM reply WHERE id <= (SELECT max(id) FROM reply) - 10000");
}

int64_t next_epoch(Connection& connection) {
  SQLite::Transaction transaction(connection.database());
  forget_oldest(connection);
  run(connection, "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'epoch'");
  SQLite::Statement& query = connection.statement("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch'");
  query.executeStep();
  const int64_t epoch = query.getColumn(0).getInt64();
  query.tryReset();
  transaction.commit();
  return epoch;
}

// Nobody tries again by itself before the start.
Status not_started(const Status& status) {
  const bool may_pass = status.code() == Code::kExhausted || status.code() == Code::kUnavailable;
  if (!may_pass) return status;
  return Status(status.code(), cat(status.message(), ", then start again; or choose another folder with --state"));
}

}  // namespace

struct Store::State {
  State(StateDirectory d, std::unique_ptr<ArtifactStore> a)
      : directory(std::move(d)),
        artifacts(std::move(a)),
        connection(directory.path() / "autonorm.db", Connection::Mode::kReadWrite) {}

  StateDirectory directory;  // first: unlocked after the database is closed
  std::unique_ptr<ArtifactStore> artifacts;
  Connection connection;
  ChangeWriter writer{connection};
  WalWatch wal;
  int64_t epoch = 0;
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& dir, const Clock& clock) {
  auto directory = StateDirectory::lock(dir);
  if (!directory.ok()) return directory.status();
  const std::filesystem::path file = directory->path() / "autonorm.db";
  auto artifacts = ArtifactStore::open(directory->path() / "artifacts", clock);
  if (!artifacts.ok()) return artifacts.status();
  try {
    auto state = std::make_unique<State>(std::move(directory).value(), std::move(artifacts).value());
    AUTONORM_RETURN_IF_ERROR(migrate(state->connection.database(), migrations()));
    state->epoch = next_epoch(state->connection);
    return std::unique_ptr<Store>(new Store(std::move(state)));
  } catch (const SQLite::Exception& error) {
    return not_started(database_error(error, file));
  }
}

const std::filesystem::path& Store::directory() const { return state_->directory.path(); }
int64_t Store::epoch() const { return state_->epoch; }
ArtifactStore& Store::artifacts() { return *state_->artifacts; }

Result<engine::Snapshot> Store::load() {
  try {
    return read_snapshot(state_->connection, [this](const Sha256& hash) { return state_->artifacts->exists(hash); });
  } catch (const SQLite::Exception& error) {
    return database_error(error, state_->connection.file());
  } catch (const nlohmann::json::exception& error) {
    return internal(state_->connection.file().string(), " holds a row that cannot be read: ", error.what());
  }
}

Status Store::commit(std::span<const engine::Change> changes) {
  constexpr size_t kBulk = 2'000;  // a slice of a submission has more
  Status status;
  try {
    state_->connection.checkpoint_from(changes.size() >= kBulk ? kBulkCheckpointPages : kCheckpointPages);
    SQLite::Transaction transaction(state_->connection.database(), SQLite::TransactionBehavior::IMMEDIATE);
    for (const engine::Change& change : changes) {
      status = state_->writer.write(change);
      if (!status.ok()) break;
    }
    pass(Failpoint::kCommitBefore);
    if (status.ok()) transaction.commit();
    if (status.ok()) state_->wal.committed(state_->connection.file());
  } catch (const SQLite::Exception& error) {
    status = database_error(error, state_->connection.file());
  }
  if (!status.ok()) state_->writer.forget();
  return status;
}

Result<std::string> Store::trial_config(const TrialId& trial) {
  try {
    SQLite::Statement& query = state_->connection.statement(
        "SELECT trial.id, seed, json FROM trial JOIN configuration ON configuration.id = trial.configuration WHERE "
        "substr(trial.hash, 1, 20) = substr(?1, 1, 20) AND +trial.hash = ?1");
    std::string common;  // an object with neither seed nor inputs
    int64_t key = 0;
    uint64_t seed = 0;
    for_each_row(Binder{query}(trial), [&](Row& row) {
      key = row.integer();
      seed = static_cast<uint64_t>(row.integer());
      common = row.text();
    });
    if (common.empty()) return not_found("there is no trial ", trial);
    nlohmann::json stages = nlohmann::json::object();
    SQLite::Statement& inputs = state_->connection.statement(
        "SELECT stage, hash FROM trial_input JOIN trial ON trial.id = trial_input.parent WHERE trial_input.trial = ?");
    for_each_row(Binder{inputs}(key), [&](Row& row) {
      const std::string stage = row.text();
      stages[stage] = row.text();
    });
    // Spliced as text: thousands of starts a second need no parser.
    const bool alone = common == "{}";
    return cat("{\"inputs\":", stages.dump(), ",\"seed\":", seed, alone ? "" : ",", common.substr(1));
  } catch (const SQLite::Exception& error) {
    return database_error(error, state_->connection.file());
  }
}

Result<std::vector<fleet::ResumePoint>> Store::checkpoints(const TrialId& trial) {
  try {
    SQLite::Statement& query = state_->connection.statement(
        "SELECT manifest, checkpoint.step FROM attempt JOIN checkpoint ON checkpoint.attempt = attempt.id WHERE trial "
        "= "
        "(SELECT id FROM trial WHERE substr(hash, 1, 20) = substr(?1, 1, 20) AND +hash = ?1) AND durable = 1 ORDER BY "
        "number DESC, checkpoint.step DESC");
    std::vector<fleet::ResumePoint> found;
    for_each_row(Binder{query}(trial), [&](Row& row) {
      Sha256 manifest(row.text());
      found.push_back({std::move(manifest), row.integer()});
    });
    return found;
  } catch (const SQLite::Exception& error) {
    return database_error(error, state_->connection.file());
  }
}

namespace {

// What an attempt had logged last, in order: a worker that is gone for good never tells its trainer's output.
std::vector<std::string> last_logged(Connection& connection, int64_t attempt_row) {
  constexpr int64_t kLines = 50;
  std::vector<std::string> lines;
  SQLite::Statement& query =
      connection.statement("SELECT text FROM log_line WHERE attempt = ? ORDER BY id DESC LIMIT ?");
  for_each_row(Binder{query}(attempt_row, kLines), [&](Row& row) { lines.push_back(row.text()); });
  std::ranges::reverse(lines);
  return lines;
}

}  // namespace

Result<std::optional<AttemptEnd>> Store::last_failure(const TrialId& trial) {
  try {
    SQLite::Statement& query = state_->connection.statement(
        "SELECT id, number, end, message, signal, exit_code, step, log_tail, resident_bytes, limit_bytes, oom_kills "
        "FROM attempt WHERE trial = (SELECT id FROM "
        "trial WHERE substr(hash, 1, 20) = substr(?1, 1, 20) AND +hash = ?1) AND ended_us IS NOT NULL AND end NOT IN "
        "('completed', 'diverged') ORDER BY number DESC "
        "LIMIT 1");
    std::optional<AttemptEnd> found;
    int64_t attempt_row = 0;
    for_each_row(Binder{query}(trial), [&](Row& row) {
      found.emplace();
      attempt_row = row.integer();
      found->attempt = Attempt(static_cast<int32_t>(row.integer()));
      found->end = row.text();
      found->message = row.text();
      found->signal = static_cast<int>(row.integer());
      found->exit_code = static_cast<int>(row.integer());
      found->step = row.integer();
      found->log_tail = nlohmann::json::parse(row.text()).get<std::vector<std::string>>();
      found->memory = {row.integer(), row.integer(), row.integer()};
    });
    if (found && found->log_tail.empty()) found->log_tail = last_logged(state_->connection, attempt_row);
    return found;
  } catch (const SQLite::Exception& error) {
    return database_error(error, state_->connection.file());
  } catch (const nlohmann::json::exception& error) {
    return internal(state_->connection.file().string(), " holds a row that cannot be read: ", error.what());
  }
}

Result<config::SweepSource> Store::sweep_source(SweepId sweep) {
  try {
    std::optional<config::SweepSource> source;
    for_each_row(Binder{state_->connection.statement("SELECT source FROM sweep WHERE id = ?")}(sweep), [&](Row& row) {
      const auto json = nlohmann::json::parse(row.text());
      source = config::SweepSource{json.at("root"), json.at("files")};
    });
    if (!source) return not_found("there is no sweep ", sweep);
    return *source;
  } catch (const SQLite::Exception& error) {
    return database_error(error, state_->connection.file());
  }
}

}  // namespace autonorm::store
