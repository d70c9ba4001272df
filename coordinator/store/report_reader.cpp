#include "coordinator/store/report_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "coordinator/store/read_only.h"
#include "coordinator/store/replaced_results.h"
#include "coordinator/store/rows.h"
#include "coordinator/store/shared_texts.h"
#include "coordinator/store/sweep_extension.h"
#include "coordinator/store/trial_runs.h"

namespace autonorm::store {
namespace {

using nlohmann::json;

std::string sweep_state_word(const std::string& stored, const std::map<TrialState, int64_t>& counts) {
  if (stored != "running") return stored;
  for (const auto& [state, count] : counts) {
    if (is_open(state) && count > 0) return stored;
  }
  return "done";
}

report::SweepRow read_sweep(Connection& connection, int64_t id) {
  report::SweepRow s;
  SQLite::Statement& query = connection.statement(
      "SELECT id, name, question, baseline, metric, profile, margin, alpha, seeds, variants, matrix_keys, content, "
      "submitted_us FROM sweep "
      "WHERE id = ?");
  for_each_row(Binder{query}(id), [&](Row& row) {
    s.id = SweepId(row.integer());
    s.name = row.text(), s.question = row.text(), s.baseline = row.text(), s.metric = row.text(),
    s.profile = row.text();
    s.margin = row.real(), s.alpha = row.real();
    s.seeds = json::parse(row.text()).get<std::vector<uint64_t>>();
    s.variants = json::parse(row.text()).get<std::vector<std::string>>();
    s.matrix_keys = json::parse(row.text()).get<std::vector<std::string>>();
    s.content = row.text();
    s.submitted = wall_from_us(row.integer());
  });
  return s;
}

int64_t cells_of(Connection& connection, int64_t sweep) {
  int64_t cells = 0;
  SQLite::Statement& query = connection.statement("SELECT cells FROM sweep WHERE id = ?");
  for_each_row(Binder{query}(sweep), [&](Row& row) { cells = row.integer(); });
  return cells;
}

// Of the cells from a position on, at most so many. Returns also the position to go on from.
std::pair<TrialRuns, int64_t> read_claims(Connection& connection, int64_t sweep, const RowRange& range,
                                          std::vector<report::TrialRow>& rows) {
  int64_t last = -1;
  std::vector<std::pair<int64_t, size_t>> shown;
  const int64_t cells = cells_of(connection, sweep);
  const auto expected = static_cast<size_t>(std::clamp(cells - range.from, int64_t{0}, range.most));
  shown.reserve(expected), rows.reserve(expected);
  KnownLabels labels;
  Texts configurations;
  SQLite::Statement& query = connection.statement(
      "SELECT trial.id, trial.hash, variant, labels, claim.seed, state, end, reason, attempt, ranks, "
      "configuration.hash, position FROM claim "
      "JOIN trial ON trial.id = claim.trial JOIN configuration ON configuration.id = trial.configuration "
      "WHERE sweep = ? AND position >= ? AND is_stage = 0 ORDER BY position LIMIT ?");
  for_each_row(Binder{query}(sweep, range.from, range.most), [&](Row& row) {
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

std::string known_sweeps(Connection& connection) {
  std::vector<std::string> words;
  for_each_row(connection.statement("SELECT id, name FROM sweep ORDER BY id DESC LIMIT 20"), [&](Row& row) {
    const int64_t id = row.integer();
    words.push_back(cat(id, " (", row.text(), ")"));
  });
  return words.empty() ? "it holds none yet" : cat("it holds ", join(words));
}

}  // namespace

struct ReportReader::State {
  std::unique_ptr<Connection> connection;
};

ReportReader::ReportReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReportReader::~ReportReader() = default;

Result<std::unique_ptr<ReportReader>> ReportReader::open(const std::filesystem::path& path) {
  auto connection = open_read_only(path);
  if (!connection.ok()) return connection.status();
  return std::unique_ptr<ReportReader>(new ReportReader(std::make_unique<State>(State{*std::move(connection)})));
}

Result<std::vector<SweepSummary>> ReportReader::sweeps() {
  Connection& connection = *state_->connection;
  try {
    SQLite::Transaction snapshot(connection.database());
    std::vector<SweepSummary> summaries;
    std::unordered_map<int64_t, size_t> index;
    for_each_row(connection.statement("SELECT id, name, state, cells, trials, submitted_us FROM sweep ORDER BY id"),
                 [&](Row& row) {
                   SweepSummary s;
                   s.id = SweepId(row.integer());
                   s.name = row.text(), s.state = row.text(), s.cells = row.integer(), s.trials = row.integer();
                   s.submitted = wall_from_us(row.integer());
                   index[s.id.value()] = summaries.size();
                   summaries.push_back(std::move(s));
                 });
    for_each_row(connection.statement(
                     "SELECT sweep, state, count(DISTINCT trial) FROM claim JOIN trial ON trial.id = claim.trial "
                     "GROUP BY sweep, state"),
                 [&](Row& row) {
                   SweepSummary& summary = summaries[index.at(row.integer())];
                   const TrialState state = row.trial_state();
                   summary.counts[state] = row.integer();
                 });
    for (SweepSummary& summary : summaries) summary.state = sweep_state_word(summary.state, summary.counts);
    return summaries;
  } catch (const SQLite::Exception& error) {
    return database_error(error, connection.file());
  }
}

Result<std::vector<std::pair<SweepId, std::string>>> ReportReader::names() {
  Connection& connection = *state_->connection;
  try {
    std::vector<std::pair<SweepId, std::string>> names;
    for_each_row(connection.statement("SELECT id, name FROM sweep ORDER BY id"), [&](Row& row) {
      const SweepId id(row.integer());
      names.emplace_back(id, row.text());
    });
    return names;
  } catch (const SQLite::Exception& error) {
    return database_error(error, connection.file());
  }
}

// The number that `sql` selects for each trial that has one; `more` is bound behind the trial's id.
template <class... More>
Result<std::map<TrialId, double>> numbers_of(Connection& connection, std::string_view sql,
                                             const std::set<TrialId>& trials, const More&... more) {
  try {
    SQLite::Transaction snapshot(connection.database());
    std::map<TrialId, double> numbers;
    for (const TrialId& trial : trials) {
      SQLite::Statement& query = connection.statement(sql);
      for_each_row(Binder{query}(trial, more...), [&](Row& row) { numbers.emplace(trial, row.real()); });
    }
    return numbers;
  } catch (const SQLite::Exception& error) {
    return database_error(error, connection.file());
  }
}

Result<std::map<TrialId, double>> ReportReader::durations_s(const std::set<TrialId>& trials) {
  return numbers_of(*state_->connection,
                    "SELECT (ended_us - running_us) / 1e6 FROM trial JOIN attempt ON attempt.trial = trial.id AND "
                    "attempt.number = trial.attempt WHERE substr(hash, 1, 20) = substr(?1, 1, 20) AND +hash = ?1 AND "
                    "state = 'succeeded' AND ended_us > running_us",
                    trials);
}

Result<std::map<TrialId, double>> ReportReader::results(const std::set<TrialId>& trials, const std::string& metric) {
  auto values = numbers_of(*state_->connection,
                           "SELECT value FROM result JOIN trial ON trial.id = result.trial WHERE "
                           "substr(hash, 1, 20) = substr(?1, 1, 20) AND +hash = ?1 AND metric = ?2",
                           trials, metric);
  if (values.ok())
    std::erase_if(*values, [](const auto& value) { return !(std::abs(value.second) <= report::kLargestValue); });
  return values;
}

Result<report::ReportData> ReportReader::report(SweepId sweep) {
  auto rows = rows_of(sweep, {});
  if (!rows.ok()) return rows.status();
  return std::move(rows->data);
}

Result<SweepRows> ReportReader::rows_of(SweepId sweep, const RowRange& range) {
  Connection& connection = *state_->connection;
  try {
    SQLite::Transaction snapshot(connection.database());
    const int64_t id = sweep.value();
    bool exists = false;
    SQLite::Statement& query = connection.statement("SELECT 1 FROM sweep WHERE id = ?");
    for_each_row(Binder{query}(id), [&](Row&) { exists = true; });
    if (!exists)
      return not_found("there is no sweep ", sweep, " in ", connection.file().string(), "; ", known_sweeps(connection));
    SweepRows out;
    out.data.sweep = read_sweep(connection, id);
    auto [trials, next] = read_claims(connection, id, range, out.data.trials);
    read_details(connection, trials, out.data.sweep.submitted, out.data.trials);
    for (const auto& [trial, by] : replaced_results(connection, id)) {
      for (const auto& [same, row] : trials.rows_of(trial)) out.data.trials[row].trained_again_by = SweepId(by);
    }
    out.next = next;
    // Looks at all cells: once is enough for a reader of parts.
    if (next == 0) out.data.sweep.extends_earlier = extends_earlier(connection, id);
    return out;
  } catch (const SQLite::Exception& error) {
    return database_error(error, connection.file());
  } catch (const json::exception& error) {
    return internal(connection.file().string(), " holds a row that cannot be read: ", error.what());
  }
}

}  // namespace autonorm::store
