// One SQLite connection with this project's settings, its statements prepared once, and its errors in words.
#pragma once
#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::store {

// The write-ahead log is cut back to this when it begins anew, after every reader has left what it read there.
inline constexpr int64_t kWalBytes = int64_t{64} << 20;
// Pages of the log (4 MiB) from which on SQLite moves them to the database. More at a time would hold up
// acknowledgements.
inline constexpr int kCheckpointPages = 1'000;
// In bulk: a submission writes the pages of an index again and again, so moving them seldom saves half of the writes.
inline constexpr int kBulkCheckpointPages = 4'000;
// Of the writer. Large enough for what one slice of a submission touches: less would write pages twice.
inline constexpr int64_t kCacheBytes = int64_t{8} << 20;
inline constexpr int kApplicationId = 0x414e4f52;  // "ANOR": marks the file as ours

// The failure in words, with a remedy. Disk full → kExhausted; I/O error or busy → kUnavailable: both may pass.
// Read-only → kInvalid. A damaged file, a constraint or anything else → kInternal. What happens next is the caller's to
// add.
Status database_error(const SQLite::Exception& error, const std::filesystem::path& file);

// Not thread-safe. Its functions throw SQLite::Exception; the callers turn that into a Status at one place each.
class Connection {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  Connection(const std::filesystem::path& file, Mode mode);

  SQLite::Database& database() { return database_; }
  const std::filesystem::path& file() const { return file_; }
  // Prepared at first use, reset and without bindings. Valid until the next call with the same text.
  SQLite::Statement& statement(std::string_view sql);
  // From how many pages of the log on the next commits move them to the database.
  void checkpoint_from(int pages);
  // Forgets prepared statements: needed before the schema changes.
  void forget_statements() { statements_.clear(); }

 private:
  std::filesystem::path file_;
  SQLite::Database database_;
  struct SqlHash {
    using is_transparent = void;  // a look-up makes no string
    size_t operator()(std::string_view sql) const { return std::hash<std::string_view>()(sql); }
  };
  std::unordered_map<std::string, std::unique_ptr<SQLite::Statement>, SqlHash, std::equal_to<>> statements_;
};

// Binds values from parameter 1 on: integers, bool, double (NaN as NULL), text, ids, optional.
class Binder {
 public:
  enum class Texts { kCopied, kBorrowed };  // borrowed ones must live until the statement has run
  explicit Binder(SQLite::Statement& statement, Texts texts = Texts::kCopied)
      : statement_(statement), borrows_(texts == Texts::kBorrowed) {}
  template <class... Values>
  SQLite::Statement& operator()(const Values&... values) {
    (bind(values), ...);
    return statement_;
  }

 private:
  void bind(const std::string& text) {
    if (borrows_) {
      statement_.bindNoCopy(++index_, text);
    } else {
      statement_.bind(++index_, text);
    }
  }
  void bind(std::string_view text) { statement_.bind(++index_, std::string(text)); }
  void bind(double value) { statement_.bind(++index_, value); }
  template <class Integer>
  requires std::is_integral_v<Integer>
  void bind(Integer value) { statement_.bind(++index_, static_cast<int64_t>(value)); }
  template <class Tag, class Value>
  void bind(const Id<Tag, Value>& id) {
    bind(id.value());
  }
  template <class Value>
  void bind(const std::optional<Value>& value) {
    if (value) {
      bind(*value);
    } else {
      statement_.bind(++index_);
    }
  }

  SQLite::Statement& statement_;
  const bool borrows_;
  int index_ = 0;
};

// Binds and runs a statement that returns no rows; the number of rows that it changed.
template <class... Values>
int run(Connection& connection, std::string_view sql, const Values&... values) {
  return Binder(connection.statement(sql), Binder::Texts::kBorrowed)(values...).exec();
}

}  // namespace autonorm::store
