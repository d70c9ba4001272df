#include "core/config/toml_reader.h"

#include <toml++/toml.h>

#include <algorithm>

#include "core/base/text.h"

namespace autonorm::config {
namespace {

constexpr int kMaxDottedParts = 16;

class Converter {
 public:
  explicit Converter(int file) : file_(file) {}

  // `fallback`: the place of the key, for tables that exist only through a dotted key.
  // Deeper than any key goes, a node becomes a value of no type.
  Value convert(const toml::node& node, Place fallback) {
    Value value;
    value.place = place(node.source(), fallback);
    if (depth_ == kMaxDepth) return value;
    ++depth_;
    node.visit([&](const auto& typed) { fill(value, typed); });
    --depth_;
    return value;
  }

 private:
  Place place(const toml::source_region& source, Place fallback) const {
    if (source.begin.line == 0) return fallback;
    return {file_, static_cast<int>(source.begin.line), static_cast<int>(source.begin.column)};
  }

  void fill(Value& value, const toml::table& table) {
    Table entries;
    for (const auto& [key, node] : table) {
      const Place at = place(key.source(), value.place);
      entries.push_back({std::string(key.str()), at, convert(node, at)});
    }
    // The library sorts by name; people read in the order of the file.
    std::ranges::stable_sort(entries, {}, [](const Entry& entry) { return entry.key_place; });
    value.data = std::move(entries);
  }
  void fill(Value& value, const toml::array& array) {
    List list;
    for (const toml::node& node : array) list.push_back(convert(node, value.place));
    value.data = std::move(list);
  }
  void fill(Value& value, const toml::value<std::string>& text) { value.data = text.get(); }
  void fill(Value& value, const toml::value<int64_t>& number) { value.data = number.get(); }
  void fill(Value& value, const toml::value<double>& number) { value.data = number.get(); }
  void fill(Value& value, const toml::value<bool>& flag) { value.data = flag.get(); }
  template <class Other>
  void fill(Value&, const Other&) {}  // dates and times: no key takes one

  int file_;
  int depth_ = 0;
};

// The library bounds the nesting of brackets but not of dotted keys, and frees tables recursively. Returns the line of
// a name with too many parts, or 0. Blind to quotes and comments on purpose: what it takes for text could be code. Dots
// in a row are never part of a key, and separators end one, so dotted lines in comments and lists of numbers do not
// count.
int line_of_endless_key(const std::string& text) {
  constexpr std::string_view kSeparators = "\n,={}[]#";
  int line = 1, dots = 0;
  char before = 0;
  for (const char c : text) {
    if (c == '.') dots = before == '.' ? 0 : dots + 1;
    if (dots > kMaxDottedParts) return line;
    if (kSeparators.find(c) != std::string_view::npos) dots = 0;
    if (c == '\n') ++line;
    before = c;
  }
  return 0;
}

// "Error while parsing a table: …" says "error" twice behind our own prefix.
std::string reason(std::string_view description) {
  constexpr std::string_view kPrefix = "Error while ";
  if (description.starts_with(kPrefix)) description.remove_prefix(std::string_view("Error ").size());
  return std::string(description);
}

}  // namespace

bool read_toml(const std::string& text, int file, Value& root, Diagnostics& diagnostics) {
  if (text.size() > kMaxSweepFileBytes) {
    diagnostics.error({file, 0, 0}, cat("the file has ", text.size(), " bytes; allowed: at most ", kMaxSweepFileBytes));
    return false;
  }
  if (const int line = line_of_endless_key(text); line > 0) {
    diagnostics.error({file, line, 1},
                      cat("more than ", kMaxDottedParts, " dots in one name or text; keys are at most ",
                          kMaxDottedParts, " parts deep"));
    return false;
  }
  try {
    const toml::table table = toml::parse(text);
    root = Converter(file).convert(table, {file, 1, 1});
    root.place = {file, 1, 1};
    return true;
  } catch (const toml::parse_error& failure) {
    const auto at = failure.source().begin;
    diagnostics.error({file, static_cast<int>(at.line), static_cast<int>(at.column)},
                      "not valid TOML: " + reason(failure.description()));
    return false;
  }
}

}  // namespace autonorm::config
