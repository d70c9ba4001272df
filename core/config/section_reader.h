// Reads one table of a trial (data, model, a norm, train, …) by the catalogue's rules. A visitor for trial_fields.h.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/catalogue.h"
#include "core/config/diagnostics.h"
#include "core/config/value.h"

namespace autonorm::config {

class SectionReader {
 public:
  // `table`: nullptr when the trial has no such table. `section` is the catalogue's prefix ("norm"), `shown` the key
  // path in messages ("norm_sites.embed"). Both referents must outlive the reader.
  SectionReader(const Value* table, std::string section, std::string shown, Diagnostics& diagnostics);

  void operator()(std::string_view key, int64_t& member);
  void operator()(std::string_view key, uint64_t& member);
  void operator()(std::string_view key, double& member);
  void operator()(std::string_view key, bool& member);
  void operator()(std::string_view key, std::string& member);
  void operator()(std::string_view key, std::vector<double>& member);
  template <class Enum>
  requires std::is_enum_v<Enum>
  void operator()(std::string_view key, std::vector<Enum>& member) {
    const auto words = read_words(key);
    if (!words) return;
    member.clear();
    for (const std::string& word : *words) member.push_back(*parse_word<Enum>(word));
  }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void operator()(std::string_view key, Enum& member) {
    if (const std::string* word = read_word(key)) {
      if (const auto value = parse_word<Enum>(*word)) member = *value;
    }
  }
  void data_source(DataSource& member);
  void only_word(std::string_view key, std::string_view word);
  void branches(std::string_view key, std::vector<NormConfig>& member);
  // Members that are tables of their own and read elsewhere. Keys must outlive the reader: they are literals.
  void skip(std::string_view key) { seen_.push_back(key); }

  // Reports the members that nobody asked for: unknown, or not of this kind.
  void finish(const std::string& kind_text);
  bool has(std::string_view key) const { return table_ != nullptr && table_->find(key) != nullptr; }

 private:
  const Value* take(std::string_view key);
  const std::string* read_word(std::string_view key);
  // The key's words in a list, with an error for each other member; nothing when there is no list.
  std::optional<std::vector<std::string>> read_words(std::string_view key);
  // False, with an error, when the number is out of the key's range or not finite.
  bool in_range(const Key& key, double number, const Value& value);
  std::string shown(std::string_view key) const;
  const Key& key_of(std::string_view key);
  std::vector<std::string> allowed_keys() const;
  void wrong_type(const Key& key, const Value& value);
  void bad_word(const Key& key, const std::string& word, Place place);
  void report_stranger(const Entry& entry, const std::string& kind_text);

  const Value* table_;
  std::string section_, shown_;
  Diagnostics& diagnostics_;
  std::string path_;                    // of the key being read; kept for its storage
  std::vector<std::string_view> seen_;  // perhaps twice
};

// A norm: a table, or the name of a kind. `shown` is its key path in messages. `nested`: a selector is refused.
NormConfig read_norm(const Value& value, const std::string& shown, bool nested, Diagnostics& diagnostics);

}  // namespace autonorm::config
