#include "coordinator/store/log_reader.h"

#include <nlohmann/json.hpp>

#include "coordinator/store/read_only.h"
#include "coordinator/store/rows.h"
#include "core/base/text.h"

namespace autonorm::store {
namespace {

constexpr std::string_view kAttemptByRow =
    "SELECT attempt.id, trial.hash, number, ranks, assigned_us, ended_us, attempt.end, message, signal, exit_code, "
    "log_tail, resident_bytes, limit_bytes, oom_kills FROM attempt JOIN trial ON trial.id = attempt.trial WHERE "
    "attempt.id = ?";

std::vector<std::string> tail_lines(const std::string& json) {
  return json.empty() ? std::vector<std::string>() : nlohmann::json::parse(json).get<std::vector<std::string>>();
}

AttemptSummary summary(Row& row) {
  AttemptSummary attempt;
  attempt.row = row.integer();
  attempt.trial = TrialId(row.text());
  attempt.number = Attempt(static_cast<int32_t>(row.integer()));
  attempt.ranks = row.integer();
  attempt.assigned = wall_from_us(row.integer());
  if (const auto ended = row.optional_integer()) attempt.ended = wall_from_us(*ended);
  attempt.end = row.end_reason();
  attempt.message = row.text();
  attempt.signal = static_cast<int>(row.optional_integer().value_or(0));
  attempt.exit_code = static_cast<int>(row.optional_integer().value_or(0));
  attempt.tail = tail_lines(row.text());
  attempt.memory.resident_bytes = row.integer();
  attempt.memory.limit_bytes = row.integer();
  attempt.memory.oom_kills = row.integer();
  return attempt;
}

std::optional<int64_t> attempt_row(Connection& connection, int64_t trial, std::optional<Attempt> number) {
  std::optional<int64_t> found;
  SQLite::Statement& query =
      number ? connection.statement("SELECT id FROM attempt WHERE trial = ? AND number = ?")
             : connection.statement("SELECT id FROM attempt WHERE trial = ? ORDER BY number DESC LIMIT 1");
  Binder bind(query);
  for_each_row(number ? bind(trial, *number) : bind(trial), [&](Row& row) { found = row.integer(); });
  return found;
}

Status no_attempt(Connection& connection, int64_t trial, const std::string& prefix, std::optional<Attempt> number) {
  int64_t newest = 0;
  std::string state;
  SQLite::Statement& query = connection.statement("SELECT attempt, state FROM trial WHERE id = ?");
  for_each_row(Binder{query}(trial), [&](Row& row) {
    newest = row.integer();
    state = row.text();
  });
  if (newest == 0) {
    return not_found("trial ", prefix, " is ", state, " and has no attempt yet; see: coordinator explain ", prefix);
  }
  return not_found("trial ", prefix, " has no attempt ", number.value_or(Attempt(0)),
                   "; its attempts are numbered 1 to ", newest);
}

}  // namespace

struct LogReader::State {
  std::unique_ptr<Connection> connection;
};

LogReader::LogReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
LogReader::~LogReader() = default;

Result<std::unique_ptr<LogReader>> LogReader::open(const std::filesystem::path& path) {
  auto connection = open_read_only(path);
  if (!connection.ok()) return connection.status();
  return std::unique_ptr<LogReader>(new LogReader(std::make_unique<State>(State{*std::move(connection)})));
}

Result<AttemptSummary> LogReader::attempt(const std::string& trial, std::optional<Attempt> number) {
  auto row = read_snapshot<int64_t>(*state_->connection, [&](Connection& connection) -> Result<int64_t> {
    const auto key = find_trial(connection, trial);
    if (!key.ok()) return key.status();
    const auto found = attempt_row(connection, *key, number);
    if (!found) return no_attempt(connection, *key, trial, number);
    return *found;
  });
  return row.ok() ? attempt(*row) : Result<AttemptSummary>(row.status());
}

Result<AttemptSummary> LogReader::attempt(int64_t row) {
  return read_snapshot<AttemptSummary>(*state_->connection, [&](Connection& connection) -> Result<AttemptSummary> {
    std::optional<AttemptSummary> found;
    for_each_row(Binder{connection.statement(kAttemptByRow)}(row), [&](Row& columns) { found = summary(columns); });
    if (!found) return not_found("attempt row ", row, " is gone");
    return *std::move(found);
  });
}

Result<std::vector<StoredLine>> LogReader::lines(int64_t attempt_row, int64_t after, int64_t limit) {
  return read_snapshot<std::vector<StoredLine>>(
      *state_->connection, [&](Connection& connection) -> Result<std::vector<StoredLine>> {
        std::vector<StoredLine> lines;
        SQLite::Statement& query = connection.statement(
            "SELECT id, time_us, rank, level, text FROM log_line WHERE attempt = ? AND id > ? ORDER BY id LIMIT ?");
        for_each_row(Binder{query}(attempt_row, after, limit), [&](Row& row) {
          StoredLine line;
          line.id = row.integer();
          line.time = wall_from_us(row.integer());
          line.rank = static_cast<int>(row.integer());
          line.level = row.text(), line.text = row.text();
          lines.push_back(std::move(line));
        });
        return lines;
      });
}

Result<int64_t> LogReader::before_last(int64_t attempt_row, int64_t count) {
  return read_snapshot<int64_t>(*state_->connection, [&](Connection& connection) -> Result<int64_t> {
    int64_t before = 0;
    SQLite::Statement& query =
        connection.statement("SELECT id FROM log_line WHERE attempt = ? ORDER BY id DESC LIMIT 1 OFFSET ?");
    for_each_row(Binder{query}(attempt_row, count), [&](Row& row) { before = row.integer(); });
    return before;
  });
}

}  // namespace autonorm::store
