#include "coordinator/store/history_reader.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/store/read_only.h"
#include "coordinator/store/rows.h"

namespace autonorm::store {
namespace {

struct AttemptSpan {
  int64_t row = 0;
  int number = 0;
  int64_t from = 0, to = 0;  // steps in (from, to] count: every later attempt has overtaken the others
};

std::vector<AttemptSpan> spans_of(Connection& connection, int64_t trial) {
  std::vector<AttemptSpan> spans;
  SQLite::Statement& query =
      connection.statement("SELECT id, number, resume_step FROM attempt WHERE trial = ? ORDER BY number");
  for_each_row(Binder{query}(trial), [&](Row& row) {
    AttemptSpan span;
    span.row = row.integer();
    span.number = static_cast<int>(row.integer());
    // Step 0 exists (evaluation before training), so a fresh start takes everything from there on.
    span.from = row.optional_integer().value_or(-1);
    span.to = std::numeric_limits<int64_t>::max();
    // Not of the last one alone: an attempt may go back behind where an earlier one began.
    for (AttemptSpan& earlier : spans) earlier.to = std::min(earlier.to, span.from);
    spans.push_back(span);
  });
  return spans;
}

std::vector<report::Curve> curves_of(Connection& connection, const std::vector<AttemptSpan>& spans) {
  std::map<std::string, report::Curve> curves;
  SQLite::Statement& query = connection.statement(
      "SELECT metric, step, value FROM metric_point WHERE attempt = ? AND step > ? AND step <= ? ORDER BY metric, "
      "step");
  for (const AttemptSpan& span : spans) {
    for_each_row(Binder{query}(span.row, span.from, span.to), [&](Row& row) {
      const std::string metric = row.text();
      const int64_t step = row.integer();
      report::Curve& curve = curves[metric];
      curve.metric = metric;
      curve.points.push_back({step, row.real(), span.number});
    });
  }
  std::vector<report::Curve> list;
  for (auto& [metric, curve] : curves) list.push_back(std::move(curve));
  return list;
}

std::vector<report::NormCurve> norms_of(Connection& connection, const std::vector<AttemptSpan>& spans) {
  std::map<std::pair<std::string, std::string>, report::NormCurve> curves;
  SQLite::Statement& query = connection.statement(
      "SELECT site, name, step, value FROM norm_stat WHERE attempt = ? AND step > ? AND step <= ? ORDER BY step");
  for (const AttemptSpan& span : spans) {
    for_each_row(Binder{query}(span.row, span.from, span.to), [&](Row& row) {
      const std::string site = row.text();
      const std::string name = row.text();
      const int64_t step = row.integer();
      report::NormCurve& curve = curves[{site, name}];
      curve.site = site, curve.name = name;
      curve.points.push_back({step, row.real(), span.number});
    });
  }
  std::vector<report::NormCurve> list;
  for (auto& [key, curve] : curves) list.push_back(std::move(curve));
  return list;
}

std::vector<report::AttemptRow> attempts_of(Connection& connection, int64_t trial) {
  std::vector<report::AttemptRow> attempts;
  SQLite::Statement& query = connection.statement(
      "SELECT number, assigned_us, running_us, ended_us, end, worker FROM attempt "
      "JOIN attempt_member ON attempt_member.attempt = attempt.id WHERE trial = ? ORDER BY number, rank");
  for_each_row(Binder{query}(trial), [&](Row& row) {
    const int number = static_cast<int>(row.integer());
    if (attempts.empty() || attempts.back().number != number) attempts.emplace_back();
    report::AttemptRow& attempt = attempts.back();
    attempt.number = number;
    attempt.assigned = wall_from_us(row.integer());
    if (const auto running = row.optional_integer()) attempt.running = wall_from_us(*running);
    if (const auto ended = row.optional_integer()) attempt.ended = wall_from_us(*ended);
    attempt.end = row.end_reason();
    attempt.workers.push_back(row.text());
  });
  return attempts;
}

}  // namespace

struct HistoryReader::State {
  std::unique_ptr<Connection> connection;
};

HistoryReader::HistoryReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
HistoryReader::~HistoryReader() = default;

Result<std::unique_ptr<HistoryReader>> HistoryReader::open(const std::filesystem::path& path) {
  auto connection = open_read_only(path);
  if (!connection.ok()) return connection.status();
  return std::unique_ptr<HistoryReader>(new HistoryReader(std::make_unique<State>(State{*std::move(connection)})));
}

Result<std::vector<report::TrialHistory>> HistoryReader::histories(const std::vector<TrialId>& trials) {
  using Histories = std::vector<report::TrialHistory>;
  return read_snapshot<Histories>(*state_->connection, [&](Connection& connection) -> Result<Histories> {
    Histories histories;
    for (const TrialId& trial : trials) {
      const auto key = find_trial(connection, trial.value());
      if (!key.ok()) return key.status();
      const std::vector<AttemptSpan> spans = spans_of(connection, *key);
      histories.push_back(
          {trial, curves_of(connection, spans), norms_of(connection, spans), attempts_of(connection, *key)});
    }
    return histories;
  });
}

Result<std::vector<report::Curve>> HistoryReader::curves(const std::string& trial) {
  using Curves = std::vector<report::Curve>;
  return read_snapshot<Curves>(*state_->connection, [&](Connection& connection) -> Result<Curves> {
    const auto key = find_trial(connection, trial);
    if (!key.ok()) return key.status();
    return curves_of(connection, spans_of(connection, *key));
  });
}

Result<config::SweepSource> HistoryReader::source(SweepId sweep) {
  return read_snapshot<config::SweepSource>(
      *state_->connection, [&](Connection& connection) -> Result<config::SweepSource> {
        std::optional<std::string> stored;
        SQLite::Statement& query = connection.statement("SELECT source FROM sweep WHERE id = ?");
        for_each_row(Binder{query}(sweep), [&](Row& row) { stored = row.text(); });
        if (!stored) return not_found("there is no sweep ", sweep, " in ", connection.file().string());
        const auto json = nlohmann::json::parse(*stored);
        config::SweepSource source;
        source.root = json.at("root").get<std::string>();
        source.files = json.at("files").get<std::map<std::string, std::string>>();
        return source;
      });
}

}  // namespace autonorm::store
