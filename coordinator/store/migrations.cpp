#include "coordinator/store/migrations.h"

#include <sqlite3.h>

#include <filesystem>
#include <limits>
#include <string>

#include "coordinator/store/database.h"
#include "coordinator/store/number_list.h"
#include "core/base/durable_file.h"
#include "core/base/log.h"
#include "core/base/sha256.h"

namespace autonorm::store {
namespace {

// Times are microseconds of the Unix epoch; states and reasons are the words of core/messages/trial_state.h.
constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', '0');

CREATE TABLE sweep (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, content TEXT NOT NULL, name TEXT NOT NULL, question TEXT NOT NULL,
  baseline TEXT NOT NULL, metric TEXT NOT NULL, profile TEXT NOT NULL, margin REAL, alpha REAL, seeds TEXT NOT NULL,
  max_seeds INTEGER NOT NULL, variants TEXT NOT NULL, matrix_keys TEXT NOT NULL, cells INTEGER NOT NULL,
  trials INTEGER NOT NULL, fresh INTEGER NOT NULL, submitted_us INTEGER NOT NULL, state TEXT NOT NULL, source TEXT NOT NULL);

-- A resolved configuration without seed and inputs: the seeds of a cell share one.
CREATE TABLE configuration (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, json TEXT NOT NULL);

CREATE TABLE trial (
  id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, configuration INTEGER NOT NULL REFERENCES configuration,
  seed INTEGER NOT NULL, ranks INTEGER NOT NULL, device TEXT NOT NULL, priority INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL, timeout_s INTEGER NOT NULL, stall_timeout_s INTEGER NOT NULL, state TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0, token TEXT NOT NULL DEFAULT '', end TEXT, reason TEXT NOT NULL DEFAULT '',
  counted INTEGER NOT NULL DEFAULT 0, uncounted INTEGER NOT NULL DEFAULT 0, resume_manifest TEXT, resume_step INTEGER,
  model TEXT NOT NULL DEFAULT '');
CREATE TABLE trial_input (trial INTEGER NOT NULL, stage TEXT NOT NULL, parent INTEGER NOT NULL,
  PRIMARY KEY (trial, stage)) WITHOUT ROWID;

CREATE TABLE claim (sweep INTEGER NOT NULL, position INTEGER NOT NULL, trial INTEGER NOT NULL, variant TEXT NOT NULL,
  labels TEXT NOT NULL, seed INTEGER NOT NULL, is_stage INTEGER NOT NULL, PRIMARY KEY (sweep, position)) WITHOUT ROWID;

CREATE TABLE attempt (
  id INTEGER PRIMARY KEY, trial INTEGER NOT NULL, number INTEGER NOT NULL, token TEXT NOT NULL, tag INTEGER NOT NULL,
  resume_manifest TEXT, resume_step INTEGER, endpoint TEXT NOT NULL DEFAULT '', assigned_us INTEGER NOT NULL,
  running_us INTEGER, ended_us INTEGER, end TEXT, message TEXT, culprit TEXT, signal INTEGER, exit_code INTEGER,
  step INTEGER, log_tail TEXT);
CREATE UNIQUE INDEX attempt_by_trial ON attempt (trial, number);
CREATE INDEX attempt_open ON attempt (id) WHERE ended_us IS NULL;
CREATE TABLE attempt_member (attempt INTEGER NOT NULL, rank INTEGER NOT NULL, worker TEXT NOT NULL, host TEXT NOT NULL,
  device TEXT NOT NULL, acked INTEGER NOT NULL DEFAULT 0, joined INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (attempt, rank)) WITHOUT ROWID;

-- value: NULL = not a number
CREATE TABLE metric_point (attempt INTEGER NOT NULL, metric TEXT NOT NULL, step INTEGER NOT NULL, value REAL,
  PRIMARY KEY (attempt, metric, step)) WITHOUT ROWID;
CREATE TABLE norm_stat (attempt INTEGER NOT NULL, site TEXT NOT NULL, step INTEGER NOT NULL, name TEXT NOT NULL, value REAL,
  PRIMARY KEY (attempt, site, step, name)) WITHOUT ROWID;
CREATE TABLE checkpoint (attempt INTEGER NOT NULL, step INTEGER NOT NULL, manifest TEXT NOT NULL, bytes INTEGER NOT NULL,
  durable INTEGER NOT NULL, PRIMARY KEY (attempt, step)) WITHOUT ROWID;

CREATE TABLE result (trial INTEGER NOT NULL, metric TEXT NOT NULL, value REAL, PRIMARY KEY (trial, metric)) WITHOUT ROWID;
CREATE TABLE fact (trial INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (trial, name)) WITHOUT ROWID;
CREATE TABLE initial_hash (trial INTEGER NOT NULL, parameter TEXT NOT NULL, hash TEXT NOT NULL,
  PRIMARY KEY (trial, parameter)) WITHOUT ROWID;
CREATE TABLE result_artifact (trial INTEGER NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL,
  PRIMARY KEY (trial, name)) WITHOUT ROWID;
CREATE TABLE artifact (hash TEXT PRIMARY KEY, bytes INTEGER NOT NULL, stored_us INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE worker (
  id TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, host TEXT NOT NULL, mpi_world TEXT NOT NULL, mpi_rank INTEGER NOT NULL,
  mpi_size INTEGER NOT NULL, pid INTEGER NOT NULL, device_kind TEXT NOT NULL, device_index INTEGER NOT NULL,
  device_name TEXT NOT NULL, device_memory INTEGER NOT NULL, build TEXT NOT NULL, torch TEXT NOT NULL,
  recovery INTEGER NOT NULL, quarantine TEXT NOT NULL, seen_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE reply (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, sweep INTEGER NOT NULL, existed INTEGER NOT NULL, cells INTEGER NOT NULL,
  trials INTEGER NOT NULL, new_trials INTEGER NOT NULL, cached INTEGER NOT NULL, revived INTEGER NOT NULL,
  affected INTEGER NOT NULL);
CREATE TABLE event (seq INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, kind TEXT NOT NULL, json TEXT NOT NULL);

-- What lists and reports look up.
CREATE INDEX trial_by_state ON trial (state);
CREATE INDEX claim_by_trial ON claim (trial);
)sql";

// What people ask of sweeps and workers: order, limits, rules, drained workers.
constexpr std::string_view kVersion2 = R"sql(
ALTER TABLE sweep ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sweep ADD COLUMN max_parallel INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sweep ADD COLUMN fail_fast INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sweep ADD COLUMN tolerated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE worker ADD COLUMN drain INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reply ADD COLUMN workers INTEGER NOT NULL DEFAULT 0;
)sql";

// Log lines get a table of their own, so that those of one attempt are found without reading the journal.
// Memory at a trainer's death: 0 = unknown.
constexpr std::string_view kVersion3 = R"sql(
CREATE TABLE log_line (id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, rank INTEGER NOT NULL, time_us INTEGER NOT NULL,
  level TEXT NOT NULL, text TEXT NOT NULL);
INSERT INTO log_line (attempt, rank, time_us, level, text)
  SELECT attempt.id, json ->> 'rank', time_us, json ->> 'level', json ->> 'text' FROM event
  JOIN trial ON trial.hash = json ->> 'trial' JOIN attempt ON attempt.trial = trial.id AND number = json ->> 'attempt'
  WHERE kind = 'log' ORDER BY seq;
DELETE FROM event WHERE kind = 'log';
CREATE INDEX log_line_by_attempt ON log_line (attempt);
ALTER TABLE attempt ADD COLUMN resident_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN limit_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN oom_kills INTEGER NOT NULL DEFAULT 0;
)sql";

// Members that gave their slot back before their attempt ended. Of one that was in two open attempts this is known: it
// holds the slot of the newest. And what the attempts of a trial met with, as far as it still counts: those after
// `anew_after`, found by the index.
constexpr std::string_view kVersion4 = R"sql(
ALTER TABLE attempt_member ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
UPDATE attempt_member SET released = 1 WHERE attempt IN (SELECT id FROM attempt WHERE ended_us IS NULL) AND EXISTS (
  SELECT 1 FROM attempt_member AS later JOIN attempt ON attempt.id = later.attempt
  WHERE ended_us IS NULL AND later.worker = attempt_member.worker AND later.attempt > attempt_member.attempt);
ALTER TABLE trial ADD COLUMN anew_after INTEGER NOT NULL DEFAULT 0;
CREATE INDEX attempt_blamed ON attempt (trial) WHERE culprit <> '';
)sql";

// Hashes are random: a sweep that comes in touches every page of an index on them, in every slice. The first 20 of 64
// digits (80 bits) tell trials apart as well and make the index a third as large. The other two indices served nobody.
// Queries say `substr(hash, 1, 20) = substr(?1, 1, 20) AND +hash = ?1`: without the + SQLite takes ?1 for the column
// inside substr(), too, and no longer sees the index.
constexpr std::string_view kVersion5 = R"sql(
CREATE TABLE trial_5 (
  id INTEGER PRIMARY KEY, hash TEXT NOT NULL, configuration INTEGER NOT NULL REFERENCES configuration,
  seed INTEGER NOT NULL, ranks INTEGER NOT NULL, device TEXT NOT NULL, priority INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL, timeout_s INTEGER NOT NULL, stall_timeout_s INTEGER NOT NULL, state TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0, token TEXT NOT NULL DEFAULT '', end TEXT, reason TEXT NOT NULL DEFAULT '',
  counted INTEGER NOT NULL DEFAULT 0, uncounted INTEGER NOT NULL DEFAULT 0, resume_manifest TEXT, resume_step INTEGER,
  model TEXT NOT NULL DEFAULT '', anew_after INTEGER NOT NULL DEFAULT 0);
INSERT INTO trial_5 SELECT * FROM trial;
DROP TABLE trial;
ALTER TABLE trial_5 RENAME TO trial;
CREATE UNIQUE INDEX trial_by_hash ON trial (substr(hash, 1, 20));

CREATE TABLE configuration_5 (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, json TEXT NOT NULL);
INSERT INTO configuration_5 SELECT * FROM configuration;
DROP TABLE configuration;
ALTER TABLE configuration_5 RENAME TO configuration;
CREATE UNIQUE INDEX configuration_by_hash ON configuration (substr(hash, 1, 20));
DROP INDEX claim_by_trial;
)sql";

// Which process of a worker an attempt ran in, so that crashes of an earlier one do not count against it; and retries
// that a restart has to go on with.
constexpr std::string_view kVersion6 = R"sql(
ALTER TABLE attempt_member ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0;
CREATE TABLE retry (
  id INTEGER PRIMARY KEY, sweep INTEGER NOT NULL, variant TEXT NOT NULL, cancelled INTEGER NOT NULL,
  after_trial INTEGER NOT NULL, affected INTEGER NOT NULL, key TEXT NOT NULL);
)sql";

// Clocks of timeouts go on over attempts and restarts: `trained_ms` is the training time in a trial's newest checkpoint
// and, of an attempt, in the one that it began from; `running_steady_us` is of the steady clock `clock_era`. And what
// an idempotency key was used for, with the answers to calls that the engine does not carry out itself.
constexpr std::string_view kVersion7 = R"sql(
ALTER TABLE trial ADD COLUMN trained_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN trained_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN running_steady_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN clock_era INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reply ADD COLUMN call TEXT NOT NULL DEFAULT '';
ALTER TABLE reply ADD COLUMN answer TEXT NOT NULL DEFAULT '';
ALTER TABLE retry ADD COLUMN call TEXT NOT NULL DEFAULT '';
)sql";

// A trial's hashes of its initial values, some 80, and most of its facts are those of many others: each list is kept
// once. What people read by name stays a table for them.
constexpr std::string_view kVersion8 = R"sql(
CREATE TABLE text_list (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, json TEXT NOT NULL);
ALTER TABLE trial ADD COLUMN initial INTEGER REFERENCES text_list;
ALTER TABLE trial ADD COLUMN common_facts INTEGER REFERENCES text_list;

INSERT OR IGNORE INTO text_list (digest, json) SELECT sha256(list), list FROM (
  SELECT json_group_object(parameter, hash) AS list FROM initial_hash GROUP BY trial);
UPDATE trial SET initial = (SELECT id FROM text_list WHERE digest = (
  SELECT sha256(json_group_object(parameter, hash)) FROM initial_hash WHERE initial_hash.trial = trial.id));
DROP TABLE initial_hash;

INSERT OR IGNORE INTO text_list (digest, json) SELECT sha256(list), list FROM (
  SELECT json_group_object(name, value) AS list FROM fact WHERE name <> 'weights_sha256' GROUP BY trial);
UPDATE trial SET common_facts = (SELECT id FROM text_list WHERE digest = (
  SELECT sha256(json_group_object(name, value)) FROM fact WHERE fact.trial = trial.id AND name <> 'weights_sha256'));
CREATE TABLE own_fact (trial INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (trial, name))
  WITHOUT ROWID;
INSERT INTO own_fact SELECT trial, name, value FROM fact WHERE name = 'weights_sha256';
DROP TABLE fact;

CREATE VIEW initial_hash (trial, parameter, hash) AS
  SELECT trial.id, item.key, item.value FROM trial JOIN text_list ON text_list.id = trial.initial
  JOIN json_each(text_list.json) AS item;
CREATE VIEW fact (trial, name, value) AS
  SELECT trial, name, value FROM own_fact UNION ALL
  SELECT trial.id, item.key, item.value FROM trial JOIN text_list ON text_list.id = trial.common_facts
  JOIN json_each(text_list.json) AS item;
)sql";

// A trial's results, some 12, are read together: one row instead of one for each, with the names kept once for all
// trials that have the same.
constexpr std::string_view kVersion9 = R"sql(
CREATE TABLE result_list (trial INTEGER PRIMARY KEY, metrics INTEGER NOT NULL REFERENCES text_list, numbers TEXT NOT NULL);
INSERT OR IGNORE INTO text_list (digest, json) SELECT sha256(list), list FROM (
  SELECT json_group_array(metric) AS list FROM result GROUP BY trial);
INSERT INTO result_list SELECT trial, text_list.id, numbers FROM (
  SELECT trial, sha256(json_group_array(metric)) AS names, '[' || group_concat(number_text(value)) || ']' AS numbers
  FROM result GROUP BY trial) JOIN text_list ON digest = names;
DROP TABLE result;

CREATE VIEW result (trial, metric, value) AS
  SELECT trial, item.value, CAST(json_extract(numbers, '$[' || item.key || ']') AS REAL)
  FROM result_list JOIN text_list ON text_list.id = metrics JOIN json_each(text_list.json) AS item;
)sql";

constexpr Migration kMigrations[] = {{1, kVersion1}, {2, kVersion2}, {3, kVersion3}, {4, kVersion4}, {5, kVersion5},
                                     {6, kVersion6}, {7, kVersion7}, {8, kVersion8}, {9, kVersion9}};

// sha256(TEXT), as the writer computes it.
void sha256_of_text(sqlite3_context* context, int, sqlite3_value** values) {
  const auto* text = static_cast<const char*>(sqlite3_value_blob(values[0]));
  const auto size = static_cast<size_t>(sqlite3_value_bytes(values[0]));
  const std::string digest = sha256({text, size}).value();
  sqlite3_result_text(context, digest.data(), static_cast<int>(digest.size()), SQLITE_TRANSIENT);
}

// number_text(REAL or NULL), as the writer writes it.
void text_of_number(sqlite3_context* context, int, sqlite3_value** values) {
  const bool is_number = sqlite3_value_type(values[0]) != SQLITE_NULL;
  const std::string text =
      number_text(is_number ? sqlite3_value_double(values[0]) : std::numeric_limits<double>::quiet_NaN());
  sqlite3_result_text(context, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

int pragma(SQLite::Database& database, const char* text) { return database.execAndGet(text).getInt(); }

Status back_up(SQLite::Database& database, int before_version) {
  const std::filesystem::path copy = cat(database.getFilename(), ".before-version-", before_version);
  // A copy that a crash interrupted is of the same, still unmigrated database.
  std::filesystem::remove(copy);
  SQLite::Statement statement(database, "VACUUM INTO ?");
  statement.bind(1, copy.string());
  statement.exec();
  // SQLite itself does not promise to, and what follows changes the original.
  AUTONORM_RETURN_IF_ERROR(sync_path(copy));
  AUTONORM_RETURN_IF_ERROR(sync_path(copy.parent_path()));
  log_info("kept a copy of the database as ", copy.string());
  return {};
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

Status migrate(SQLite::Database& database, std::span<const Migration> steps) {
  const int version = pragma(database, "PRAGMA user_version");
  const int application = pragma(database, "PRAGMA application_id");
  const bool empty = pragma(database, "SELECT count(*) FROM sqlite_master") == 0;
  if (!empty && application != kApplicationId) {
    return conflict(database.getFilename(), " is a database of another program; choose another --state folder");
  }
  const int newest = steps.empty() ? 0 : steps.back().version;
  if (version > newest) {
    return conflict(database.getFilename(), " has schema version ", version, ", this release knows versions up to ",
                    newest, "; use the newer release, or another --state folder");
  }
  database.createFunction("sha256", 1, /*aDeterministic=*/true, nullptr, &sha256_of_text, nullptr, nullptr, nullptr);
  database.createFunction("number_text", 1, /*aDeterministic=*/true, nullptr, &text_of_number, nullptr, nullptr,
                          nullptr);
  for (const Migration& step : steps) {
    if (step.version <= version) continue;
    if (!empty) AUTONORM_RETURN_IF_ERROR(back_up(database, step.version));
    SQLite::Transaction transaction(database);
    database.exec(std::string(step.sql));
    database.exec(cat("PRAGMA user_version = ", step.version));
    database.exec(cat("PRAGMA application_id = ", kApplicationId));
    transaction.commit();
  }
  return {};
}

}  // namespace autonorm::store
