#include "coordinator/store/sweep_rows.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <string_view>
#include <utility>

#include "coordinator/store/replaced_results.h"
#include "coordinator/store/rows.h"
#include "coordinator/store/shared_texts.h"
#include "coordinator/store/trial_runs.h"

namespace autonorm::store {
namespace {

// Of the cells of a range. Returns also the position to go on from.
std::pair<TrialRuns, int64_t> read_claims(Connection& connection, int64_t sweep, const RowRange& range,
                                          std::vector<report::TrialRow>& rows) {
  int64_t last = -1;
  std::vector<std::pair<int64_t, size_t>> shown;
  const int64_t cells = cells_of(connection, sweep);
  const auto expected =
      static_cast<size_t>(std::clamp(std::min(cells, range.before) - range.from, int64_t{0}, range.most));
  shown.reserve(expected), rows.reserve(expected);
  KnownLabels labels;
  Texts configurations;
  SQLite::Statement& query = connection.statement(
      "SELECT trial.id, trial.hash, variant, labels, claim.seed, state, end, reason, attempt, ranks, "
      "configuration.hash, position FROM claim "
      "JOIN trial ON trial.id = claim.trial JOIN configuration ON configuration.id = trial.configuration "
      "WHERE sweep = ? AND position >= ? AND position < ? AND is_stage = 0 ORDER BY position LIMIT ?");
  for_each_row(Binder{query}(sweep, range.from, range.before, range.most), [&](Row& row) {
    shown.emplace_back(row.integer(), rows.size());
    report::TrialRow& t = rows.emplace_back();
    t.trial = TrialId(row.text());
    t.variant = row.text();
    t.labels = labels.of(row.view());
    t.seed = static_cast<uint64_t>(row.integer());
    t.state = row.trial_state();
    t.end = row.end_reason();
    t.reason = row.text();
    t.attempts = static_cast<int>(row.integer());
    t.ranks = row.integer();
    t.configuration = configurations.shared(row.view());
    last = row.integer();
  });
  const bool more = std::ssize(shown) == range.most;
  return {TrialRuns(std::move(shown)), more ? last + 1 : 0};
}

// Runs `sql`, which selects a trial and more where the trial lies between its two parameters, and hands each row to the
// first report row of its trial.
template <class Take>
void for_each_trial_row(Connection& connection, std::string_view sql, TrialRuns& trials,
                        std::vector<report::TrialRow>& rows, Take&& take) {
  for (const TrialRuns::Run& run : trials.runs()) {
    SQLite::Statement& query = connection.statement(sql);
    for_each_row(Binder{query}(run.first, run.last), [&](Row& row) {
      const auto shown = trials.rows_of(row.integer());
      if (!shown.empty()) take(row, rows[shown.front().second]);
    });
  }
}

void copy_to_other_labels(const TrialRuns& trials, std::vector<report::TrialRow>& rows) {
  const auto shown = trials.shown();
  for (size_t i = 1; i < shown.size(); ++i) {
    if (shown[i].first != shown[i - 1].first) continue;
    const report::TrialRow& same = rows[shown[i - 1].second];
    report::TrialRow& row = rows[shown[i].second];
    row.duration_s = same.duration_s, row.worker = same.worker, row.device = same.device;
    row.ended_before = same.ended_before, row.results = same.results, row.facts = same.facts;
    row.initial = same.initial;
  }
}

void read_details(Connection& connection, TrialRuns& trials, WallTime submitted, std::vector<report::TrialRow>& rows) {
  for_each_trial_row(connection, "SELECT trial, metric, value FROM result WHERE trial BETWEEN ? AND ?", trials, rows,
                     [](Row& row, report::TrialRow& t) {
                       const auto [at, is_new] = t.results.try_emplace(row.text());
                       at->second = row.real();
                     });
  for_each_trial_row(connection, "SELECT trial, name, value FROM fact WHERE trial BETWEEN ? AND ?", trials, rows,
                     [](Row& row, report::TrialRow& t) {
                       const auto [at, is_new] = t.facts.try_emplace(row.text());
                       at->second = row.text();
                     });
  for_each_trial_row(connection, "SELECT trial, parameter, hash FROM initial_hash WHERE trial BETWEEN ? AND ?", trials,
                     rows, [](Row& row, report::TrialRow& t) {
                       const auto [at, is_new] = t.initial.try_emplace(row.text());
                       at->second = row.text();
                     });
  Texts workers, devices;
  for_each_trial_row(connection,
                     "SELECT trial.id, running_us, ended_us, worker, attempt_member.device, "
                     "CASE WHEN trial.attempt > 1 THEN (SELECT min(first.ended_us) FROM attempt AS first "
                     "WHERE first.trial = trial.id AND first.end IN ('completed', 'diverged')) END FROM trial "
                     "JOIN attempt ON attempt.trial = trial.id AND attempt.number = trial.attempt "
                     "JOIN attempt_member ON attempt_member.attempt = attempt.id AND rank = 0 "
                     "WHERE trial.id BETWEEN ? AND ?",
                     trials, rows, [&](Row& row, report::TrialRow& t) {
                       const auto running = row.optional_integer(), ended = row.optional_integer();
                       if (running && ended) t.duration_s = static_cast<double>(*ended - *running) / 1e6;
                       t.worker = workers.shared(row.view()), t.device = devices.shared(row.view());
                       const auto first_result = row.optional_integer();  // of a trial that was trained again
                       t.ended_before =
                           (ended && *ended < to_us(submitted)) || (first_result && *first_result < to_us(submitted));
                     });
  copy_to_other_labels(trials, rows);
}

}  // namespace

int64_t cells_of(Connection& connection, int64_t sweep) {
  int64_t cells = 0;
  SQLite::Statement& query = connection.statement("SELECT cells FROM sweep WHERE id = ?");
  for_each_row(Binder{query}(sweep), [&](Row& row) { cells = row.integer(); });
  return cells;
}

int64_t read_rows(Connection& connection, int64_t sweep, const RowRange& range, WallTime submitted,
                  std::vector<report::TrialRow>& rows) {
  auto [trials, next] = read_claims(connection, sweep, range, rows);
  read_details(connection, trials, submitted, rows);
  for (const auto& [trial, by] : replaced_results(connection, sweep)) {
    for (const auto& [same, row] : trials.rows_of(trial)) rows[row].trained_again_by = SweepId(by);
  }
  return next;
}

void read_halves(Connection& connection, Connection& second, int64_t sweep, int64_t cells, WallTime submitted,
                 std::vector<report::TrialRow>& rows) {
  const int64_t middle = cells / 2;
  std::vector<report::TrialRow> later;
  auto half =
      std::async(std::launch::async, [&] { read_rows(second, sweep, RowRange{.from = middle}, submitted, later); });
  rows.reserve(static_cast<size_t>(cells));
  read_rows(connection, sweep, RowRange{.before = middle}, submitted, rows);
  half.get();
  std::ranges::move(later, std::back_inserter(rows));
}

}  // namespace autonorm::store
