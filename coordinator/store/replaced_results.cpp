#include "coordinator/store/replaced_results.h"

#include <string_view>
#include <vector>

#include "coordinator/store/rows.h"

namespace autonorm::store {
namespace {

constexpr std::string_view kFreshSweeps = "SELECT id FROM sweep WHERE fresh AND id <> ? ORDER BY id";

// Trials of both `?1` and `?2` that had a result when `?2` was submitted.
constexpr std::string_view kKnownTrials =
    "SELECT trial.hash FROM (SELECT trial FROM claim WHERE sweep = ?1 AND is_stage = 0 INTERSECT "
    "SELECT trial FROM claim WHERE sweep = ?2) AS shared JOIN trial ON trial.id = shared.trial WHERE EXISTS ("
    "SELECT 1 FROM attempt WHERE attempt.trial = shared.trial AND attempt.end IN ('completed', 'diverged') "
    "AND ended_us <= (SELECT submitted_us FROM sweep WHERE id = ?2))";

}  // namespace

report::TrainedAgain replaced_results(Connection& connection, int64_t sweep) {
  std::vector<int64_t> fresh;
  SQLite::Statement& sweeps = connection.statement(kFreshSweeps);
  for_each_row(Binder{sweeps}(sweep), [&](Row& row) { fresh.push_back(row.integer()); });
  report::TrainedAgain replaced;
  for (const int64_t by : fresh) {
    SQLite::Statement& trials = connection.statement(kKnownTrials);
    for_each_row(Binder{trials}(sweep, by), [&](Row& row) { replaced.try_emplace(TrialId(row.text()), by); });
  }
  return replaced;
}

}  // namespace autonorm::store
