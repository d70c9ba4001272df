#include "core/config/section_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/base/text.h"
#include "core/config/trial_fields.h"

namespace autonorm::config {
namespace {

std::string path_of(const std::string& section, std::string_view key) {
  std::string path = section;
  if (!section.empty()) path += '.';
  return path += key;
}

constexpr size_t kMostKeys = 32;  // of a section, about

std::vector<std::string> strings(std::span<const std::string_view> words) { return {words.begin(), words.end()}; }

// A whole number may be written where any number is expected.
std::optional<double> number_of(const Value& value) {
  if (const int64_t* integer = value.integer()) return static_cast<double>(*integer);
  if (const double* real = std::get_if<double>(&value.data)) return *real;
  return std::nullopt;
}

std::vector<std::string> branch_kinds() {
  std::vector<std::string> kinds = strings(words<NormKind>());
  std::erase(kinds, name(NormKind::kSelector));
  return kinds;
}

std::string kind_text(const NormConfig& config) {
  const bool feature =
      config.kind == NormKind::kMinmax || config.kind == NormKind::kZscore || config.kind == NormKind::kFeatureMix;
  if (feature) return cat("kind '", name(config.kind), "' with axis '", name(config.axis), "'");
  if (config.kind != NormKind::kSelector) return cat("kind '", name(config.kind), "'");
  return cat("kind 'selector' with gate '", name(config.gate), "'");
}

}  // namespace

SectionReader::SectionReader(const Value* table, std::string section, std::string shown, Diagnostics& diagnostics)
    : table_(table), section_(std::move(section)), shown_(std::move(shown)), diagnostics_(diagnostics) {
  seen_.reserve(kMostKeys);
  if (table_ == nullptr || table_->is_table()) return;
  diagnostics_.error(table_->place, cat(shown_, " must be a table like { key = value }, not ", type_text(*table_)));
  table_ = nullptr;
}

std::string SectionReader::shown(std::string_view key) const {
  return shown_.empty() ? std::string(key) : cat(shown_, ".", key);
}

const Key& SectionReader::key_of(std::string_view key) {
  path_.assign(section_);
  if (!section_.empty()) path_ += '.';
  const Key* found = find_key(path_ += key);
  AUTONORM_CHECK(found != nullptr, "the catalogue lacks ", section_, ".", key);
  return *found;
}

// The member of this name, which from now on counts as asked for. Absent is an error only for keys without a default.
const Value* SectionReader::take(std::string_view key) {
  seen_.push_back(key);
  const Value* value = table_ == nullptr ? nullptr : table_->find(key);
  if (value == nullptr && table_ != nullptr && key_of(key).fallback.empty()) {
    const Key& needed = key_of(key);
    diagnostics_.error(table_->place,
                       cat(shown(key), " is missing; it is needed for ", needed.belongs_to, ": ", needed.help));
  }
  return value;
}

void SectionReader::wrong_type(const Key& key, const Value& value) {
  const std::string leaf = split_path(key.path).back();
  diagnostics_.error(value.place, cat(shown(leaf), " must be ", allowed_text(key), "; this is ", type_text(value)));
}

bool SectionReader::in_range(const Key& key, double number, const Value& value) {
  if (std::isfinite(number) && number <= key.max && (key.above_min ? number > key.min : number >= key.min)) return true;
  const std::string leaf = split_path(key.path).back();
  const std::string what = std::isfinite(number) ? cat(shown(leaf), " = ", to_text(value), " is out of range")
                                                 : cat(shown(leaf), " is not a finite number");
  diagnostics_.error(value.place, cat(what, "; allowed: ", allowed_text(key)));
  return false;
}

void SectionReader::bad_word(const Key& key, const std::string& word, Place place) {
  const std::string leaf = split_path(key.path).back();
  diagnostics_.error(place, cat(shown(leaf), " = ", quoted(word), " is unknown; allowed: ", join(strings(key.words)),
                                did_you_mean(word, strings(key.words))));
}

void SectionReader::operator()(std::string_view key, int64_t& member) {
  const Value* value = take(key);
  if (value == nullptr) return;
  const Key& row = key_of(key);
  const int64_t* integer = value->integer();
  if (integer == nullptr) return wrong_type(row, *value);
  if (in_range(row, static_cast<double>(*integer), *value)) member = *integer;
}

void SectionReader::operator()(std::string_view key, uint64_t& member) {
  int64_t number = 0;
  (*this)(key, number);
  if (has(key)) member = static_cast<uint64_t>(number);
}

void SectionReader::operator()(std::string_view key, double& member) {
  const Value* value = take(key);
  if (value == nullptr) return;
  const Key& row = key_of(key);
  const auto number = number_of(*value);
  if (!number) return wrong_type(row, *value);
  if (in_range(row, *number, *value)) member = *number;
}

void SectionReader::operator()(std::string_view key, bool& member) {
  const Value* value = take(key);
  if (value == nullptr) return;
  if (value->flag() == nullptr) return wrong_type(key_of(key), *value);
  member = *value->flag();
}

void SectionReader::operator()(std::string_view key, std::string& member) {
  const Value* value = take(key);
  if (value == nullptr) return;
  if (value->text() == nullptr) return wrong_type(key_of(key), *value);
  if (value->text()->empty() && key_of(key).fallback.empty()) {
    diagnostics_.error(value->place, cat(shown(key), " is empty; allowed: ", key_of(key).help));
  }
  member = *value->text();
}

void SectionReader::operator()(std::string_view key, std::vector<double>& member) {
  const Value* value = take(key);
  if (value == nullptr) return;
  const Key& row = key_of(key);
  if (!value->is_list()) return wrong_type(row, *value);
  member.clear();
  for (const Value& item : *value->list()) {
    const auto number = number_of(item);
    if (!number) return wrong_type(row, item);
    if (in_range(row, *number, item)) member.push_back(*number);
  }
}

std::optional<std::vector<std::string>> SectionReader::read_words(std::string_view key) {
  const Value* value = take(key);
  if (value == nullptr) return std::nullopt;
  const Key& row = key_of(key);
  if (!value->is_list()) {
    wrong_type(row, *value);
    return std::nullopt;
  }
  std::vector<std::string> found;
  for (const Value& item : *value->list()) {
    if (item.text() == nullptr) {
      wrong_type(row, item);
    } else if (std::ranges::find(row.words, *item.text()) == row.words.end()) {
      bad_word(row, *item.text(), item.place);
    } else {
      found.push_back(*item.text());
    }
  }
  return found;
}

// One of the key's words; nullptr when it is absent or, with an error, none of them.
const std::string* SectionReader::read_word(std::string_view key) {
  const Value* value = take(key);
  if (value == nullptr) return nullptr;
  const Key& row = key_of(key);
  if (value->text() == nullptr) {
    wrong_type(row, *value);
    return nullptr;
  }
  for (const std::string_view word : row.words) {
    if (word == *value->text()) return value->text();
  }
  bad_word(row, *value->text(), value->place);
  return nullptr;
}

void SectionReader::only_word(std::string_view key, std::string_view) { read_word(key); }

void SectionReader::data_source(DataSource& member) {
  if (!has("kind")) return (*this)("name", member);
  skip("kind");
  const std::string* kind = read_word("kind");
  member = kind == nullptr ? DataSource::kIdx : parse_word<DataSource>(*kind).value_or(DataSource::kIdx);
  if (has("name")) {
    skip("name");
    diagnostics_.error(table_->find("name")->place,
                       cat(shown("name"), " and ", shown("kind"), " exclude each other; keep one"));
  }
}

void SectionReader::branches(std::string_view key, std::vector<NormConfig>& member) {
  member = default_branches();
  const Value* value = take(key);
  if (value == nullptr) return;
  if (!value->is_list()) return wrong_type(key_of(key), *value);
  member.clear();
  for (const Value& item : *value->list()) {
    member.push_back(read_norm(item, cat(shown(key), "[", member.size(), "]"), true, diagnostics_));
  }
}

void SectionReader::finish(const std::string& kind_text) {
  if (table_ == nullptr) return;
  for (const Entry& entry : *table_->table()) {
    if (std::ranges::find(seen_, entry.key) == seen_.end()) report_stranger(entry, kind_text);
  }
}

std::vector<std::string> SectionReader::allowed_keys() const {
  const std::set<std::string_view> sorted(seen_.begin(), seen_.end());
  return {sorted.begin(), sorted.end()};
}

// A key that exists for another kind gets a better answer than a mistyped one.
void SectionReader::report_stranger(const Entry& entry, const std::string& kind_text) {
  const std::vector<std::string> known_here = allowed_keys();
  const std::string allowed = join(known_here);
  const Key* known = find_key(path_of(section_, entry.key));
  const std::string place = shown(entry.key);
  if (known != nullptr && !known->belongs_to.empty()) {
    std::vector<std::string> owners;
    for (const Key& key : keys()) {
      if (key.path == known->path) owners.emplace_back(key.belongs_to);
    }
    diagnostics_.error(entry.key_place, cat("key '", place, "' does not belong to ", kind_text, "; it needs ",
                                            join(owners, " or "), "; allowed here: ", allowed));
    return;
  }
  diagnostics_.error(entry.key_place,
                     cat("unknown key ", quoted(place), "; allowed: ", allowed, did_you_mean(entry.key, known_here)));
}

// { kind = "arctan", … } → { kind = "derf", function = "arctan", … }. Words that are kinds themselves stay.
bool names_squash(const Value& norm, Value& as_derf) {
  const Value* kind = norm.find("kind");
  if (kind == nullptr || kind->text() == nullptr || parse_word<NormKind>(*kind->text())) return false;
  if (!parse_word<Squash>(*kind->text()) || norm.find("function") != nullptr) return false;
  as_derf = norm;
  as_derf.set("function", kind->place, *kind);
  as_derf.set("kind", kind->place, Value{std::string(name(NormKind::kDerf)), kind->place});
  return true;
}

NormConfig read_norm(const Value& value, const std::string& shown, bool nested, Diagnostics& diagnostics) {
  Value named;  // "layer" is short for { kind = "layer" }
  if (const std::string* kind = value.text()) {
    named.place = value.place;
    named.set("kind", value.place, Value{*kind, value.place});
  }
  Value squashed;  // a function of derf's zoo by its own name
  const Value& given = value.text() != nullptr ? named : value;
  const Value& table = names_squash(given, squashed) ? squashed : given;
  const Value* kind = table.find("kind");
  const auto known = kind != nullptr && kind->text() != nullptr ? parse_word<NormKind>(*kind->text()) : std::nullopt;
  NormConfig config = default_norm(known.value_or(NormKind::kLayer));
  SectionReader reader(&table, "norm", shown, diagnostics);
  norm_fields(config, reader);
  // With an unknown kind nobody can say which keys belong to it.
  if (known || kind == nullptr) reader.finish(kind_text(config));
  if (nested && config.kind == NormKind::kSelector) {
    diagnostics.error(table.place,
                      cat(shown, ": a selector cannot be a branch of a selector; allowed: ", join(branch_kinds())));
  }
  return config;
}

}  // namespace autonorm::config
