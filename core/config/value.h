// A tree of plain values with the place each came from: what a TOML file or a JSON text says, before it has a meaning.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace autonorm::config {

// Where a value stands. line and column count from 1; file indexes the reader's list of files; -1 = no place (JSON,
// defaults).
struct Place {
  int file = -1;
  int line = 0, column = 0;
  auto operator<=>(const Place&) const = default;
};

struct Value;
struct Entry;
using List = std::vector<Value>;
using Table = std::vector<Entry>;  // in the order of the file; keys are distinct

struct Value {
  // monostate: a type that no key takes (null, date, time)
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Table> data;
  Place place;

  bool is_table() const;
  bool is_list() const;
  const std::string* text() const;  // nullptr when it is something else
  const int64_t* integer() const;
  const bool* flag() const;
  const List* list() const;
  const Table* table() const;
  // A member of this table; nullptr when it has none, or this is no table.
  const Value* find(std::string_view key) const;
  Value* find_mutable(std::string_view key);
  const Entry* find_entry(std::string_view key) const;
  // Follows a dotted path.
  const Value* find_path(std::string_view path) const;
  // Sets a member, replacing one of the same name; makes this a table when it is none.
  void set(std::string_view key, Place key_place, Value value);
  void erase(std::string_view key);
};

struct Entry {
  std::string key;
  Place key_place;
  Value value;
};

inline bool Value::is_table() const { return std::holds_alternative<Table>(data); }
inline bool Value::is_list() const { return std::holds_alternative<List>(data); }

// "a text", "an integer", "a table", … for messages.
std::string_view type_text(const Value& value);
// Compact, on one line, as people would write it: 3, 0.001, digits, [a, b], {kind = layer}.
std::string label_text(const Value& value);
// The same with long values cut, for messages.
std::string to_text(const Value& value);
// The place of the deepest existing value along a dotted path.
Place place_of(const Value& root, std::string_view path);
// Splits "a.b.c".
std::vector<std::string> split_path(std::string_view path);

// Everything nested deeper becomes a monostate, so that hostile input cannot exhaust the stack.
inline constexpr int kMaxDepth = 64;
Value from_json(const nlohmann::json& json);
nlohmann::json to_json(const Value& value);

}  // namespace autonorm::config
