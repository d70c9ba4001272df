#include "core/config/value.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/text.h"

namespace autonorm::config {
namespace {

Value convert(const nlohmann::json& json, int depth) {
  Value value;
  if (depth > kMaxDepth) return value;
  if (json.is_boolean()) {
    value.data = json.get<bool>();
  } else if (json.is_number_unsigned() &&
             json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    value.data = json.get<double>();
  } else if (json.is_number_integer()) {
    value.data = json.get<int64_t>();
  } else if (json.is_number()) {
    value.data = json.get<double>();
  } else if (json.is_string()) {
    value.data = json.get<std::string>();
  } else if (json.is_array()) {
    List list;
    for (const auto& item : json) list.push_back(convert(item, depth + 1));
    value.data = std::move(list);
  } else if (json.is_object()) {
    Table table;
    for (const auto& [key, member] : json.items()) table.push_back({key, {}, convert(member, depth + 1)});
    value.data = std::move(table);
  }
  return value;
}

std::string list_text(const List& list) {
  std::vector<std::string> items;
  for (const Value& item : list) items.push_back(label_text(item));
  return "[" + join(items) + "]";
}

std::string table_text(const Table& table) {
  std::vector<std::string> items;
  for (const Entry& entry : table) items.push_back(entry.key + " = " + label_text(entry.value));
  return "{" + join(items) + "}";
}

struct ToText {
  std::string operator()(std::monostate) const { return "?"; }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(int64_t number) const { return std::to_string(number); }
  // The shortest text that reads back as the same number; as TOML writes it where JSON has no word for it.
  std::string operator()(double number) const {
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
    return nlohmann::json(number).dump();
  }
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(const List& list) const { return list_text(list); }
  std::string operator()(const Table& table) const { return table_text(table); }
};

}  // namespace

const std::string* Value::text() const { return std::get_if<std::string>(&data); }
const int64_t* Value::integer() const { return std::get_if<int64_t>(&data); }
const bool* Value::flag() const { return std::get_if<bool>(&data); }
const List* Value::list() const { return std::get_if<List>(&data); }
const Table* Value::table() const { return std::get_if<Table>(&data); }

const Entry* Value::find_entry(std::string_view key) const {
  const Table* entries = table();
  if (entries == nullptr) return nullptr;
  for (const Entry& entry : *entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const Value* Value::find(std::string_view key) const {
  const Entry* entry = find_entry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

Value* Value::find_mutable(std::string_view key) {
  Table* entries = std::get_if<Table>(&data);
  if (entries == nullptr) return nullptr;
  for (Entry& entry : *entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

const Value* Value::find_path(std::string_view path) const {
  const Value* at = this;
  for (const std::string& part : split_path(path)) {
    at = at->find(part);
    if (at == nullptr) return nullptr;
  }
  return at;
}

void Value::set(std::string_view key, Place key_place, Value value) {
  if (!is_table()) data = Table{};
  Table& entries = std::get<Table>(data);
  for (Entry& entry : entries) {
    if (entry.key != key) continue;
    entry.key_place = key_place;
    entry.value = std::move(value);
    return;
  }
  entries.push_back({std::string(key), key_place, std::move(value)});
}

void Value::erase(std::string_view key) {
  if (Table* entries = std::get_if<Table>(&data)) {
    std::erase_if(*entries, [&](const Entry& entry) { return entry.key == key; });
  }
}

std::string_view type_text(const Value& value) {
  static constexpr std::string_view kNames[] = {
      "a value of another type", "a true/false value", "an integer", "a number", "a text", "a list", "a table"};
  return kNames[value.data.index()];
}

std::string label_text(const Value& value) { return std::visit(ToText{}, value.data); }

std::string to_text(const Value& value) {
  constexpr size_t kLongest = 60;
  std::string text = label_text(value);
  if (text.size() <= kLongest) return text;
  size_t end = kLongest;  // not inside a UTF-8 sequence
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

Place place_of(const Value& root, std::string_view path) {
  Place place = root.place;
  const Value* at = &root;
  for (const std::string& part : split_path(path)) {
    at = at->find(part);
    if (at == nullptr) break;
    if (at->place.file >= 0) place = at->place;
  }
  return place;
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', begin)) {
    parts.emplace_back(path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  parts.emplace_back(path.substr(begin));
  return parts;
}

Value from_json(const nlohmann::json& json) { return convert(json, 0); }

nlohmann::json to_json(const Value& value) {
  if (const List* list = value.list()) {
    nlohmann::json out = nlohmann::json::array();
    for (const Value& item : *list) out.push_back(to_json(item));
    return out;
  }
  if (const Table* table = value.table()) {
    nlohmann::json out = nlohmann::json::object();
    for (const Entry& entry : *table) out[entry.key] = to_json(entry.value);
    return out;
  }
  if (const bool* flag = value.flag()) return *flag;
  if (const int64_t* number = value.integer()) return *number;
  if (const double* number = std::get_if<double>(&value.data)) return *number;
  if (const std::string* text = value.text()) return *text;
  return nullptr;
}

}  // namespace autonorm::config
