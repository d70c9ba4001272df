#include "coordinator/store/sweep_rows.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "coordinator/store/number_list.h"
#include "coordinator/store/rows.h"
#include "coordinator/store/shared_texts.h"
#include "coordinator/store/trial_runs.h"
#include "core/base/text.h"

namespace autonorm::store {
namespace {

// Throws nlohmann::json::exception.
nlohmann::json read_list(Connection& connection, int64_t id) {
  nlohmann::json list;
  SQLite::Statement& query = connection.statement("SELECT json FROM text_list WHERE id = ?");
  for_each_row(Binder{query}(id), [&](Row& row) { list = nlohmann::json::parse(row.view()); });
  return list;
}

// Lists of texts by their rows, each read once. Throws nlohmann::json::exception.
class KnownLists {
 public:
  explicit KnownLists(Connection& connection) : connection_(connection) {}
  const report::Shared<report::TextList>& of(std::optional<int64_t> id) {
    auto& list = known_[id.value_or(0)];
    if (id && list->empty()) list = read(*id);
    return list;
  }

 private:
  report::TextList read(int64_t id) {
    const auto texts = read_list(connection_, id).get<std::map<std::string, std::string>>();
    return {boost::container::ordered_unique_range, texts.begin(), texts.end()};
  }

  Connection& connection_;
  std::unordered_map<int64_t, report::Shared<report::TextList>> known_;
};

// Names of metrics by their rows, each read once. Throws nlohmann::json::exception.
class KnownMetrics {
 public:
  explicit KnownMetrics(Connection& connection) : connection_(connection) {}
  const std::vector<report::Shared<std::string>>& of(int64_t id) {
    auto& metrics = known_[id];
    if (metrics.empty()) {
      for (const auto& metric : read_list(connection_, id))
        metrics.push_back(names_.shared(metric.get_ref<const std::string&>()));
    }
    return metrics;
  }

 private:
  Connection& connection_;
  Texts names_;
  std::unordered_map<int64_t, std::vector<report::Shared<std::string>>> known_;
};

// `metrics`: by name, as the writer's map and the primary key of older schemas had them.
report::Results results_of(const std::vector<report::Shared<std::string>>& metrics,
                           const std::vector<double>& numbers) {
  if (metrics.size() != numbers.size())
    throw SQLite::Exception(cat("a trial has ", numbers.size(), " numbers for ", metrics.size(), " metrics"));
  report::Results::sequence_type pairs;
  pairs.reserve(metrics.size());
  for (size_t i = 0; i < metrics.size(); ++i) pairs.emplace_back(metrics[i], numbers[i]);
  report::Results results;
  results.adopt_sequence(boost::container::ordered_unique_range, std::move(pairs));
  return results;
}

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
  KnownLists lists(connection);
  SQLite::Statement& query = connection.statement(
      "SELECT trial.id, trial.hash, variant, labels, claim.seed, state, end, reason, attempt, ranks, "
      "configuration.hash, initial, common_facts, position FROM claim "
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
    t.initial = lists.of(row.optional_integer());
    t.common_facts = lists.of(row.optional_integer());
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
    row.ended_before = same.ended_before, row.results = same.results, row.own_facts = same.own_facts;
  }
}

void read_details(Connection& connection, TrialRuns& trials, WallTime submitted, std::vector<report::TrialRow>& rows) {
  KnownMetrics known(connection);
  for_each_trial_row(connection, "SELECT trial, metrics, numbers FROM result_list WHERE trial BETWEEN ? AND ?", trials,
                     rows, [&](Row& row, report::TrialRow& t) {
                       const auto& metrics = known.of(row.integer());
                       t.results = results_of(metrics, parse_number_list(row.view()));
                     });
  for_each_trial_row(connection, "SELECT trial, name, value FROM own_fact WHERE trial BETWEEN ? AND ?", trials, rows,
                     [](Row& row, report::TrialRow& t) {
                       const auto [at, is_new] = t.own_facts.try_emplace(row.text());
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
