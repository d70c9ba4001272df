#include "coordinator/store/report_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "coordinator/store/read_only.h"
#include "coordinator/store/replaced_results.h"
#include "coordinator/store/rows.h"
#include "coordinator/store/sweep_extension.h"
#include "coordinator/store/sweep_rows.h"

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

// Changes when the connection sees another's commit; within a transaction it stays.
int64_t data_version(Connection& connection) {
  int64_t version = 0;
  for_each_row(connection.statement("PRAGMA data_version"), [&](Row& row) { version = row.integer(); });
  return version;
}

bool attempt_runs(Connection& connection) {
  bool runs = false;
  for_each_row(connection.statement("SELECT 1 FROM attempt WHERE ended_us IS NULL LIMIT 1"),
               [&](Row&) { runs = true; });
  return runs;
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
  std::unique_ptr<Connection> second;  // of the same file, for half of a large sweep
};

ReportReader::ReportReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReportReader::~ReportReader() = default;

Result<std::unique_ptr<ReportReader>> ReportReader::open(const std::filesystem::path& path) {
  auto connection = open_read_only(path);
  if (!connection.ok()) return connection.status();
  auto second = open_read_only(path);
  if (!second.ok()) return second.status();
  return std::unique_ptr<ReportReader>(
      new ReportReader(std::make_unique<State>(State{*std::move(connection), *std::move(second)})));
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

Result<bool> ReportReader::something_runs() {
  try {
    return attempt_runs(*state_->connection);
  } catch (const SQLite::Exception& error) {
    return database_error(error, state_->connection->file());
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
  report::note_trained_again(rows->trained_again, rows->data.trials);
  return std::move(rows->data);
}

Result<SweepRows> ReportReader::rows_of(SweepId sweep, const RowRange& range) {
  constexpr int64_t kWorthAThread = 5'000;  // cells
  Connection &connection = *state_->connection, &second = *state_->second;
  try {
    const int64_t version = data_version(second);
    SQLite::Transaction snapshot(connection.database());
    const int64_t id = sweep.value();
    bool exists = false;
    SQLite::Statement& query = connection.statement("SELECT 1 FROM sweep WHERE id = ?");
    for_each_row(Binder{query}(id), [&](Row&) { exists = true; });
    if (!exists)
      return not_found("there is no sweep ", sweep, " in ", connection.file().string(), "; ", known_sweeps(connection));
    SweepRows out;
    out.data.sweep = read_sweep(connection, id);
    const WallTime submitted = out.data.sweep.submitted;
    const int64_t cells = cells_of(connection, id);
    std::optional<SQLite::Transaction> also;
    // While trials run, the other cores are theirs and the engine's.
    if (range == RowRange{} && cells >= kWorthAThread && !attempt_runs(connection)) also.emplace(second.database());
    // Equal: nobody has written since before the first transaction saw anything.
    if (also && data_version(second) == version) {
      read_halves(connection, second, id, cells, submitted, out.data.trials);
    } else {
      out.next = read_rows(connection, id, range, submitted, out.data.trials);
    }
    // These look at all cells: once is enough for a reader of parts.
    if (out.next == 0) {
      out.data.sweep.extends_earlier = extends_earlier(connection, id);
      out.trained_again = replaced_results(connection, id);
    }
    return out;
  } catch (const SQLite::Exception& error) {
    return database_error(error, connection.file());
  } catch (const json::exception& error) {
    return internal(connection.file().string(), " holds a row that cannot be read: ", error.what());
  }
}

}  // namespace autonorm::store
