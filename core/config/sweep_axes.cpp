// [matrix] and [[exclude]].
#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/sweep_document.h"
#include "core/config/trial_reader.h"

namespace autonorm::config {
namespace {

// norm_sites.SITE.KEY is described by norm.KEY; "" when it is another path.
std::string path_in_catalogue(const std::string& path) {
  if (!path.starts_with("norm_sites.")) return path;
  const size_t dot = path.find('.', 11);
  return dot == std::string::npos ? "norm" : "norm" + path.substr(dot);
}

const Key* key_at(const std::string& path) { return find_key(path_in_catalogue(path)); }

class AxisReader {
 public:
  AxisReader(std::vector<Axis>& axes, Diagnostics& diagnostics) : axes_(axes), diagnostics_(diagnostics) {}

  // Tables are walked down to the lists: model = { depth = [1, 2] } is the axis model.depth.
  void add(const std::string& prefix, const Entry& entry) {
    const std::string path = prefix.empty() ? entry.key : prefix + "." + entry.key;
    if (path == "seed" || path == "seeds")
      return error(entry.key_place, "seeds are no column; write them in [sweep] seeds");
    for (const char* search : {"log_uniform", "uniform", "sobol", "tpe"}) {
      if (entry.value.find(search) == nullptr) continue;
      return error(entry.value.place,
                   cat("search axes (", search, ") are not supported yet; list the values to try: ", path, " = [...]"));
    }
    if (entry.value.is_table()) {
      for (const Entry& inner : *entry.value.table()) add(path, inner);
      return;
    }
    if (!check_path(path, entry)) return;
    if (!entry.value.is_list() || entry.value.list()->empty()) {
      return error(entry.value.place,
                   cat("[matrix] ", path, " must be a list with at least one value; this is ", type_text(entry.value)));
    }
    check_distinct(path, *entry.value.list());
    axes_.push_back({path, entry.key_place, *entry.value.list()});
  }

 private:
  void error(Place place, const std::string& text) { diagnostics_.error(place, text); }

  // The path names something that changes a result, and is not written twice in another way.
  bool check_path(const std::string& path, const Entry& entry) {
    if (!is_trial_path(path)) {
      Entry shown = entry;
      shown.key = path;
      report_unknown(shown, "[matrix]", all_trial_paths(), diagnostics_);
      return false;
    }
    const Key* key = key_at(path);
    if (path == "run" || (key != nullptr && key->mark == Mark::kExecution)) {
      error(entry.key_place,
            cat(path, " does not change a result, so it makes no columns; put it in [base] or a [[variant]]"));
      return false;
    }
    if (std::ranges::any_of(axes_, [&](const Axis& axis) { return axis.path == path; })) {
      error(entry.key_place, cat("[matrix] ", path, " is written twice; keep one"));
      return false;
    }
    return true;
  }

  // Equal values would be two columns with one label.
  void check_distinct(const std::string& path, const List& values) {
    std::set<std::string> seen;
    for (const Value& value : values) {
      if (!seen.insert(label_text(value)).second)
        error(value.place, cat("[matrix] ", path, " lists ", quoted(to_text(value)), " twice"));
    }
  }

  std::vector<Axis>& axes_;
  Diagnostics& diagnostics_;
};

// Walks nested tables like an axis; a list of values means any of them.
void read_conditions(const std::string& prefix, const Value& table, Exclude& exclude, Diagnostics& diagnostics) {
  for (const Entry& entry : *table.table()) {
    const std::string path = prefix.empty() ? entry.key : prefix + "." + entry.key;
    if (entry.value.is_table()) {
      read_conditions(path, entry.value, exclude, diagnostics);
      continue;
    }
    if (path != "variant" && path != "seed" && !is_trial_path(path)) {
      std::vector<std::string> allowed = all_trial_paths();
      allowed.insert(allowed.begin(), {"variant", "seed"});
      Entry shown = entry;
      shown.key = path;
      report_unknown(shown, "[[exclude]]", allowed, diagnostics);
      continue;
    }
    const List values = entry.value.is_list() ? *entry.value.list() : List{entry.value};
    exclude.conditions.push_back({path, values, entry.key_place});
  }
}

}  // namespace

bool is_trial_path(const std::string& path) {
  if (path == "data" || path == "model" || path == "norm" || path == "train" || path == "train.distill" ||
      path == "train.start" || path == "run")
    return true;
  if (path.starts_with("norm_sites.")) {
    const std::string inner = path_in_catalogue(path);
    return inner == "norm" || find_key(inner) != nullptr;
  }
  return find_key(path) != nullptr;
}

std::vector<std::string> all_trial_paths() {
  std::vector<std::string> paths;
  for (const Key& key : keys()) {
    if (key.path != "seed" && (paths.empty() || paths.back() != key.path)) paths.emplace_back(key.path);
  }
  return paths;
}

void read_axes(const Value& table, std::vector<Axis>& axes, Diagnostics& diagnostics) {
  if (!table.is_table())
    return diagnostics.error(table.place, cat("[matrix] must be a table of key = [values], not ", type_text(table)));
  AxisReader reader(axes, diagnostics);
  for (const Entry& entry : *table.table()) reader.add("", entry);
}

void read_excludes(const Value& list, std::vector<Exclude>& excludes, Diagnostics& diagnostics) {
  if (!list.is_list()) return diagnostics.error(list.place, "exclude must be a list of tables; write [[exclude]]");
  for (const Value& item : *list.list()) {
    if (!item.is_table()) {
      diagnostics.error(item.place, cat("[[exclude]] must be a table, not ", type_text(item)));
      continue;
    }
    Exclude exclude;
    exclude.place = item.place;
    read_conditions("", item, exclude, diagnostics);
    if (item.table()->empty())
      diagnostics.error(item.place, "[[exclude]] without keys would drop every cell; name what to drop");
    else
      excludes.push_back(std::move(exclude));
  }
}

}  // namespace autonorm::config
