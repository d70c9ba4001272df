#include "coordinator/store/retention_reader.h"

#include <string_view>

#include "coordinator/store/read_only.h"
#include "coordinator/store/rows.h"

namespace autonorm::store {
namespace {

constexpr std::string_view kNeeded =
    "SELECT resume_manifest FROM trial WHERE resume_manifest IS NOT NULL AND state NOT IN ('succeeded', 'diverged', "
    "'stopped') "
    "UNION SELECT resume_manifest FROM attempt WHERE resume_manifest IS NOT NULL AND ended_us IS NULL "
    "UNION SELECT stage.model FROM trial_input JOIN trial AS stage ON stage.id = parent JOIN trial AS child ON "
    "child.id "
    "= trial_input.trial WHERE stage.model <> '' AND child.state NOT IN ('succeeded', 'diverged', 'stopped')";

// Of each trial the newest `?` but the first, newest steps first.
constexpr std::string_view kOlder =
    "SELECT manifest FROM (SELECT manifest, row_number() OVER (PARTITION BY attempt.trial ORDER BY number DESC, "
    "checkpoint.step DESC) AS place, checkpoint.step AS taken FROM checkpoint JOIN attempt ON attempt.id = "
    "checkpoint.attempt JOIN "
    "trial ON trial.id = attempt.trial WHERE durable = 1 AND trial.state NOT IN ('succeeded', 'diverged', 'stopped')) "
    "WHERE "
    "place BETWEEN 2 AND ? ORDER BY taken DESC";

std::vector<Sha256> hashes(SQLite::Statement& statement) {
  std::vector<Sha256> found;
  for_each_row(statement, [&](Row& row) { found.emplace_back(row.text()); });
  return found;
}

// Asked row by row: there is no index on manifests, and far more rows than fresh artifacts. An attempt that has ended
// settles nothing: another one, or the same trial under another id, may be about to save the same bytes.
std::unordered_set<Sha256> settled_among(Connection& connection, const std::unordered_set<Sha256>& fresh) {
  std::unordered_set<Sha256> settled;
  if (fresh.empty()) return settled;
  for_each_row(connection.statement("SELECT manifest FROM attempt JOIN checkpoint ON checkpoint.attempt = attempt.id "
                                    "WHERE attempt.ended_us IS NULL AND durable = 1"),
               [&](Row& row) {
                 const auto found = fresh.find(Sha256(row.text()));
                 if (found != fresh.end()) settled.insert(*found);
               });
  return settled;
}

}  // namespace

Result<RetainedManifests> read_retained(const std::filesystem::path& database, int keep,
                                        const std::unordered_set<Sha256>& fresh) {
  auto connection = open_read_only(database);
  if (!connection.ok()) return connection.status();
  try {
    SQLite::Transaction snapshot((*connection)->database());
    RetainedManifests retained;
    retained.needed = hashes((*connection)->statement(kNeeded));
    retained.older_checkpoints = hashes(Binder{(*connection)->statement(kOlder)}(keep));
    retained.models = hashes((*connection)->statement("SELECT hash FROM result_artifact ORDER BY trial DESC"));
    retained.settled = settled_among(**connection, fresh);
    return retained;
  } catch (const SQLite::Exception& error) {
    return database_error(error, database);
  }
}

}  // namespace autonorm::store
