#include "coordinator/store/sweep_extension.h"

#include <string_view>
#include <vector>

#include "coordinator/store/rows.h"

namespace autonorm::store {
namespace {

// Earlier sweeps whose registered settings are those of `?1` and whose maximum covers its seeds.
constexpr std::string_view kCandidates =
    "SELECT earlier.id FROM sweep AS earlier JOIN sweep AS later ON later.id = ?1 WHERE earlier.id < later.id AND NOT "
    "later.fresh "
    "AND earlier.baseline = later.baseline AND earlier.metric = later.metric AND earlier.margin IS later.margin "
    "AND earlier.alpha IS later.alpha AND earlier.variants = later.variants "
    "AND earlier.matrix_keys = later.matrix_keys AND earlier.max_seeds >= json_array_length(later.seeds)";

// A cell and seed of `?1` that `?2` trains otherwise or not at all.
constexpr std::string_view kDroppedTrial =
    "SELECT variant, labels, seed, trial FROM claim WHERE sweep = ?1 AND is_stage = 0 EXCEPT "
    "SELECT variant, labels, seed, trial FROM claim WHERE sweep = ?2 AND is_stage = 0 LIMIT 1";

// A cell of `?2` that `?1` does not have.
constexpr std::string_view kAddedCell =
    "SELECT variant, labels FROM claim WHERE sweep = ?2 AND is_stage = 0 EXCEPT "
    "SELECT variant, labels FROM claim WHERE sweep = ?1 AND is_stage = 0 LIMIT 1";

// A trial of `?1`, and not of its baseline, that had a result when `?1` was submitted.
constexpr std::string_view kKnownBefore =
    "SELECT 1 FROM sweep JOIN claim ON claim.sweep = sweep.id JOIN attempt ON attempt.trial = claim.trial "
    "WHERE sweep.id = ?1 AND is_stage = 0 AND variant <> baseline AND attempt.end IN ('completed', 'diverged') "
    "AND ended_us < submitted_us AND claim.trial NOT IN "
    "(SELECT trial FROM claim WHERE sweep = ?1 AND is_stage = 0 AND variant = sweep.baseline) LIMIT 1";

// A trial with a configuration of `?2`'s variants and with a seed that is none of its own, whose result came after `?1`
// was submitted, and before `?2` was.
constexpr std::string_view kLeftOut =
    "SELECT 1 FROM trial JOIN attempt ON attempt.trial = trial.id WHERE trial.configuration IN "
    "(SELECT configuration FROM claim JOIN trial ON trial.id = claim.trial JOIN sweep ON sweep.id = claim.sweep "
    "WHERE sweep = ?2 AND is_stage = 0 AND variant <> baseline) "
    "AND trial.seed NOT IN (SELECT seed FROM claim WHERE sweep = ?2 AND is_stage = 0) "
    "AND attempt.end IN ('completed', 'diverged') "
    "AND ended_us BETWEEN (SELECT submitted_us FROM sweep WHERE id = ?1) "
    "AND (SELECT submitted_us - 1 FROM sweep WHERE id = ?2) LIMIT 1";

template <class... Sweeps>
bool any(Connection& connection, std::string_view sql, Sweeps... sweeps) {
  bool found = false;
  SQLite::Statement& query = connection.statement(sql);
  for_each_row(Binder{query}(sweeps...), [&](Row&) { found = true; });
  return found;
}

}  // namespace

bool extends_earlier(Connection& connection, int64_t sweep) {
  std::vector<int64_t> candidates;
  SQLite::Statement& query = connection.statement(kCandidates);
  for_each_row(Binder{query}(sweep), [&](Row& row) { candidates.push_back(row.integer()); });
  for (const int64_t earlier : candidates) {
    const bool dishonest = any(connection, kDroppedTrial, earlier, sweep) ||
                           any(connection, kAddedCell, earlier, sweep) || any(connection, kKnownBefore, earlier) ||
                           any(connection, kLeftOut, earlier, sweep);
    if (!dishonest) return true;
  }
  return false;
}

}  // namespace autonorm::store
