// Reading columns one after the other.
#pragma once
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/store/database.h"
#include "core/messages/trial_state.h"

namespace autonorm::store {

class Row {
 public:
  explicit Row(SQLite::Statement& statement) : statement_(statement) {}
  std::string text() { return statement_.getColumn(index_++).getString(); }
  // Valid until the next row.
  std::string_view view() {
    const SQLite::Column column = statement_.getColumn(index_++);
    const char* text = column.getText();
    return {text, static_cast<size_t>(column.getBytes())};
  }
  int64_t integer() { return statement_.getColumn(index_++).getInt64(); }
  bool flag() { return integer() != 0; }
  // NULL = not a number.
  double real() {
    const SQLite::Column column = statement_.getColumn(index_++);
    return column.isNull() ? std::numeric_limits<double>::quiet_NaN() : column.getDouble();
  }
  std::optional<int64_t> optional_integer() {
    const SQLite::Column column = statement_.getColumn(index_++);
    return column.isNull() ? std::nullopt : std::optional(column.getInt64());
  }
  std::optional<EndReason> end_reason() { return parse_end_reason(text()); }  // NULL reads as ""
  TrialState trial_state() { return parse_trial_state(text()).value_or(TrialState::kFailed); }

 private:
  SQLite::Statement& statement_;
  int index_ = 0;
};

// Calls `take(row)` for each row of a statement whose parameters are bound.
template <class Take>
void for_each_row(SQLite::Statement& statement, Take&& take) {
  while (statement.executeStep()) {
    Row row(statement);
    take(row);
  }
  statement.tryReset();
}

}  // namespace autonorm::store
