#include "coordinator/cli/catalogue_listing.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "coordinator/cli/text_table.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

using config::Key;
using config::Kind;
using Json = nlohmann::ordered_json;

std::vector<KindGroup> all_groups() {
  const auto group = [](std::string_view name, std::string_view chooser, std::span<const Kind> kinds) {
    return KindGroup{name, chooser, {kinds.begin(), kinds.end()}};
  };
  std::vector<KindGroup> groups{group("norms", "norm.kind", config::norms()),
                                group("gates", "norm.gate", config::gates()),
                                group("models", "model.family", config::models()),
                                {"data", "data.name", {}},
                                group("optimizers", "train.optimizer", config::optimizers()),
                                group("schedules", "train.schedule", config::schedules()),
                                group("losses", "", config::losses()),
                                group("devices", "device", config::devices())};
  for (const config::DataSet& set : config::data_sets()) groups[3].kinds.push_back(set.kind);
  return groups;
}

// "norm.kind = layer, rms" names the chooser and the kinds that know the key.
bool belongs_to(const Key& key, std::string_view chooser, std::string_view kind) {
  if (key.belongs_to == "train.distill") return kind == "distill";
  const size_t equals = key.belongs_to.find(" = ");
  if (equals == std::string_view::npos || key.belongs_to.substr(0, equals) != chooser) return false;
  const std::string listed = cat(", ", key.belongs_to.substr(equals + 3), ", ");
  return listed.find(cat(", ", kind, ", ")) != std::string::npos;
}

// A key, or the table that it stands in.
bool lies_in(const Key& key, std::string_view path) {
  return key.path == path || (key.path.starts_with(path) && key.path.substr(path.size()).starts_with('.'));
}

template <class Wanted>
std::vector<Key> keys_where(Wanted&& wanted) {
  std::vector<Key> found;
  std::ranges::copy_if(config::keys(), std::back_inserter(found), wanted);
  return found;
}

// The keys that a whole group is about: those of its choosing key's table, or that one key.
std::vector<Key> keys_of(const KindGroup& group) {
  if (group.name == "norms" || group.name == "models" || group.name == "data") {
    const std::string_view table = group.chooser.substr(0, group.chooser.find('.'));
    return keys_where([&](const Key& key) { return lies_in(key, table); });
  }
  return keys_where([&](const Key& key) {
    return key.path == group.chooser || std::ranges::any_of(group.kinds, [&](const Kind& kind) {
             return belongs_to(key, group.chooser, kind.name);
           });
  });
}

std::vector<std::string> known_words() {
  std::vector<std::string> words{"metrics"};
  for (const KindGroup& group : all_groups()) {
    words.emplace_back(group.name);
    for (const Kind& kind : group.kinds) words.emplace_back(kind.name);
  }
  for (const Key& key : config::keys()) {
    words.emplace_back(key.path);
    if (const size_t dot = key.path.find('.'); dot != std::string_view::npos)
      words.emplace_back(key.path.substr(0, dot));
  }
  return words;
}

Status unknown(const std::string& what) {
  std::vector<std::string> groups;
  for (const KindGroup& group : all_groups()) groups.emplace_back(group.name);
  const std::string near = nearest(what, known_words());
  return not_found("the catalogue has no '", what, "'", near.empty() ? "" : cat("; did you mean '", near, "'?"),
                   "\nallowed: ", join(groups), ", metrics, the name of a kind such as layer, a table or key such as ",
                   "train or train.lr");
}

// ---- text ----
std::string title(std::string_view text) { return cat(text, "\n", std::string(text.size(), '-'), "\n"); }

std::string indented(const std::string& text) {
  std::string lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    lines += "  " + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return lines;
}

std::string group_text(const KindGroup& group) {
  std::vector<std::vector<std::string>> rows;
  for (const Kind& kind : group.kinds) rows.push_back({std::string(kind.name), std::string(kind.help)});
  const std::string chosen = group.chooser.empty() ? "" : cat(" (", group.chooser, ")");
  return title(cat(group.name, chosen)) + indented(text_table({{"kind"}, {"what"}}, rows));
}

std::string default_text(const Key& key) { return key.fallback.empty() ? "required" : std::string(key.fallback); }
std::string_view mark_text(const Key& key) { return key.mark == config::Mark::kIdentity ? "identity" : "execution"; }

std::string keys_text(const std::vector<Key>& keys) {
  std::string text = title("keys");
  for (const Key& key : keys) {
    text += cat("  ", key.path, " = ", default_text(key), "  ", config::allowed_text(key),
                key.belongs_to.empty() ? "" : cat("; with ", key.belongs_to),
                key.mark == config::Mark::kExecution ? "; execution" : "", "\n      ", key.help, "\n");
  }
  return text +
         "Values are the defaults. A key marked execution says how a trial is run; every other one is part of its "
         "identity: another value is another trial.\n";
}

std::string metrics_text(const std::vector<config::Metric>& metrics) {
  std::vector<std::vector<std::string>> rows;
  for (const config::Metric& metric : metrics) {
    rows.push_back({std::string(metric.name), metric.higher_is_better ? "higher" : "lower", std::string(metric.help)});
  }
  return title("metrics (sweep.metric)") + indented(text_table({{"metric"}, {"better"}, {"what"}}, rows));
}

// ---- JSON ----
Json kind_json(const KindGroup& group, const Kind& kind) {
  Json json{{"group", group.name},
            {"chosen_by", group.chooser},
            {"name", kind.name},
            {"numerics", kind.numerics},
            {"help", kind.help}};
  if (group.name == "models") {
    const config::Sites& sites = config::sites(*config::parse_word<config::ModelFamily>(kind.name));
    json["sites"] = sites.standard;
    json["layered_sites"] = sites.layered;
    json["optional_sites"] = sites.optional;
  }
  if (group.name == "data") {
    const config::DataSet& set = *config::find_data_set(kind.name);
    json["shape"] = {set.channels, set.height, set.width};
    json["classes"] = set.classes;
    json["train_samples"] = set.train_samples;
    json["test_samples"] = set.test_samples;
    json["fingerprint"] = set.fingerprint;
  }
  return json;
}

Json key_json(const Key& key) {
  Json json{{"key", key.path},
            {"type", config::name(key.type)},
            {"default", key.fallback.empty() ? Json(nullptr) : Json::parse(key.fallback)},
            {"required", key.fallback.empty()},
            {"allowed", config::allowed_text(key)}};
  if (key.type == config::KeyType::kInteger || key.type == config::KeyType::kReal ||
      key.type == config::KeyType::kRealList) {
    json["min"] = key.min;
    json["max"] = key.max;
    json["above_min"] = key.above_min;
  }
  if (!key.words.empty()) json["words"] = std::vector<std::string>(key.words.begin(), key.words.end());
  json["belongs_to"] = key.belongs_to;
  json["mark"] = mark_text(key);
  json["help"] = key.help;
  return json;
}

}  // namespace

Result<CatalogueListing> list_catalogue(const std::string& what) {
  std::vector<KindGroup> groups = all_groups();
  const auto metrics = config::metrics();
  if (what.empty()) {
    const auto keys = config::keys();
    return CatalogueListing{std::move(groups), {keys.begin(), keys.end()}, {metrics.begin(), metrics.end()}};
  }
  if (what == "metrics") return CatalogueListing{{}, {}, {metrics.begin(), metrics.end()}};
  if (const auto group = std::ranges::find(groups, what, &KindGroup::name); group != groups.end()) {
    return CatalogueListing{{*group}, keys_of(*group), {}};
  }
  for (const KindGroup& group : groups) {
    const auto kind = std::ranges::find(group.kinds, what, &Kind::name);
    if (kind == group.kinds.end()) continue;
    auto keys = keys_where([&](const Key& key) { return belongs_to(key, group.chooser, kind->name); });
    return CatalogueListing{{{group.name, group.chooser, {*kind}}}, std::move(keys), {}};
  }
  auto keys = keys_where([&](const Key& key) { return lies_in(key, what); });
  if (keys.empty()) return unknown(what);
  return CatalogueListing{{}, std::move(keys), {}};
}

std::string catalogue_text(const CatalogueListing& listing) {
  std::vector<std::string> parts;
  for (const KindGroup& group : listing.groups) parts.push_back(group_text(group));
  if (!listing.keys.empty()) parts.push_back(keys_text(listing.keys));
  if (!listing.metrics.empty()) parts.push_back(metrics_text(listing.metrics));
  return join(parts, "\n");
}

std::string catalogue_json(const CatalogueListing& listing) {
  Json json{{"kinds", Json::array()}, {"keys", Json::array()}, {"metrics", Json::array()}};
  for (const KindGroup& group : listing.groups) {
    for (const Kind& kind : group.kinds) json["kinds"].push_back(kind_json(group, kind));
  }
  for (const Key& key : listing.keys) json["keys"].push_back(key_json(key));
  for (const config::Metric& metric : listing.metrics) {
    json["metrics"].push_back(
        {{"name", metric.name}, {"higher_is_better", metric.higher_is_better}, {"help", metric.help}});
  }
  return json.dump(2) + "\n";
}

}  // namespace autonorm::cli
