// How the catalogue writes down its keys, one row each. Internal.
#pragma once
#include <string_view>
#include <vector>

#include "core/config/catalogue.h"

namespace autonorm::config {

inline Key number(KeyType type, std::string_view path, std::string_view fallback, double min, double max,
                  std::string_view help) {
  Key key;
  key.path = path;
  key.type = type;
  key.fallback = fallback;
  key.min = min;
  key.max = max;
  key.help = help;
  return key;
}
inline Key integer(std::string_view path, std::string_view fallback, double min, double max, std::string_view help) {
  return number(KeyType::kInteger, path, fallback, min, max, help);
}
inline Key real(std::string_view path, std::string_view fallback, double min, double max, std::string_view help) {
  return number(KeyType::kReal, path, fallback, min, max, help);
}
// Larger than 0.
inline Key positive(std::string_view path, std::string_view fallback, double max, std::string_view help) {
  Key key = number(KeyType::kReal, path, fallback, 0, max, help);
  key.above_min = true;
  return key;
}
inline Key plain(KeyType type, std::string_view path, std::string_view fallback, std::string_view help) {
  return number(type, path, fallback, 0, 0, help);
}
inline Key word(std::string_view path, std::string_view fallback, std::span<const std::string_view> words,
                std::string_view help) {
  Key key = number(KeyType::kWord, path, fallback, 0, 0, help);
  key.words = words;
  return key;
}
// Marks: valid only there; never part of the identity.
inline Key of(std::string_view belongs_to, Key key) {
  key.belongs_to = belongs_to;
  return key;
}
inline Key execution(Key key) {
  key.mark = Mark::kExecution;
  return key;
}

std::vector<Key> norm_keys();
std::vector<Key> family_keys();  // of models, but model.family

}  // namespace autonorm::config
