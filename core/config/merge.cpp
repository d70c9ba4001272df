#include "core/config/merge.h"

#include <optional>

#include "core/base/text.h"

namespace autonorm::config {
namespace {

std::string joined(const std::string& path, const std::string& key) { return path.empty() ? key : path + "." + key; }

bool is_norm(const std::string& path) {
  return path == "norm" || (path.starts_with("norm_sites.") && path.find('.', 11) == std::string::npos);
}

// "rms" for { kind = "rms" }. The word "norm" at a site stays: it stands for what `norm` says.
Value spelled_out(const std::string& path, const Value& value) {
  const std::string* word = value.text();
  if (word == nullptr || !is_norm(path) || *word == "norm") return value;
  Value table;
  table.place = value.place;
  table.set("kind", value.place, value);
  return table;
}

// Builds a table in which each key is one name and each norm is a table.
class Normalizer {
 public:
  explicit Normalizer(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void add(Value& into, const std::string& path, const Value& from) {
    for (const Entry& entry : *from.table()) {
      Value* parent = &into;
      std::string at = path;
      std::vector<std::string> parts = split_path(entry.key);
      const std::string leaf = parts.back();
      parts.pop_back();
      for (const std::string& part : parts) {
        at = joined(at, part);
        parent = table_at(*parent, part, at, entry);
        if (parent == nullptr) break;
      }
      if (parent != nullptr) put(*parent, joined(at, leaf), leaf, entry);
    }
  }

 private:
  // The table under a name, made when it is missing; nullptr, with an error, when it is something else.
  Value* table_at(Value& parent, const std::string& key, const std::string& path, const Entry& entry) {
    if (parent.find(key) == nullptr) {
      Value table{Table{}, entry.key_place};
      parent.set(key, entry.key_place, std::move(table));
    }
    Value* found = parent.find_mutable(key);
    if (found->is_table()) return found;
    diagnostics_.error(entry.key_place, cat(path, " is written twice, once not as a table; keep one"));
    return nullptr;
  }

  void put(Value& parent, const std::string& path, const std::string& key, const Entry& entry) {
    const Value value = spelled_out(path, entry.value);
    const Value* old = parent.find(key);
    if (value.is_table() && (old == nullptr || old->is_table())) {
      if (old == nullptr) parent.set(key, entry.key_place, Value{Table{}, value.place});
      return add(*parent.find_mutable(key), path, value);
    }
    if (old != nullptr) return diagnostics_.error(entry.key_place, cat(path, " is written twice; keep one"));
    parent.set(key, entry.key_place, value);
  }

  Diagnostics& diagnostics_;
};

// What decides whether two tables of a path describe the same kind of thing; nullopt when the table leaves it open.
std::optional<std::string> chosen(const std::string& path, const Value& table) {
  const auto word = [&](const char* key) -> std::optional<std::string> {
    const Value* value = table.find(key);
    if (value == nullptr) return std::nullopt;
    return to_text(*value);
  };
  if (path == "model") return word("family");
  if (is_norm(path)) return word("kind");
  if (path != "data") return std::nullopt;
  if (const auto kind = word("kind")) return "kind " + *kind;
  return word("name");
}

std::string chosen_by_default(const std::string& path) {
  if (path == "model") return "vit";
  return path == "data" ? "digits" : "layer";
}

void merge_at(Value& under, const std::string& path, const Value& over) {
  for (const Entry& entry : *over.table()) {
    const std::string at = joined(path, entry.key);
    Value* old = under.find_mutable(entry.key);
    if (old == nullptr || !old->is_table() || !entry.value.is_table()) {
      under.set(entry.key, entry.key_place, entry.value);
      continue;
    }
    const auto now = chosen(at, entry.value);
    if (now && *now != chosen(at, *old).value_or(chosen_by_default(at))) {
      *old = entry.value;
      continue;
    }
    merge_at(*old, at, entry.value);
  }
}

}  // namespace

Value normalized(const Value& table, Diagnostics& diagnostics) {
  Value out{Table{}, table.place};
  Normalizer(diagnostics).add(out, "", table);
  return out;
}

void merge_trial(Value& under, const Value& over) { merge_at(under, "", over); }

void merge_axis(Value& tree, const std::string& path, Place key_place, const Value& value) {
  const std::vector<std::string> parts = split_path(path);
  Value leaf = spelled_out(path, value);
  // Another kind or family makes the old one's keys meaningless; data.name leaves val_fraction and train_limit as they
  // are.
  const bool as_table = leaf.is_table() || path == "model.family" || path.ends_with(".kind");
  Value overlay{Table{}, key_place};
  Value* parent = as_table ? &overlay : &tree;
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    const Value* child = parent->find(parts[i]);
    if (child == nullptr || !child->is_table()) parent->set(parts[i], key_place, Value{Table{}, key_place});
    parent = parent->find_mutable(parts[i]);
  }
  parent->set(parts.back(), key_place, std::move(leaf));
  if (as_table) merge_trial(tree, overlay);
}

}  // namespace autonorm::config
