#include "core/config/trial_reader.h"

#include <utility>
#include <variant>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/section_reader.h"
#include "core/config/site_shape.h"
#include "core/config/trial_fields.h"

namespace autonorm::config {
namespace {

constexpr size_t kRememberedSections = 1'000;
const std::string kOthers = "others";

template <class Number>
void append_bytes(std::string& key, Number number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append_text(std::string& key, const std::string& text) {
  append_bytes(key, text.size());
  key += text;
}

// What a value says, wherever it stands; it can be read one way only.
void append_value(std::string& key, const Value& value) {
  append_bytes(key, static_cast<char>(value.data.index()));
  if (const List* list = value.list()) {
    append_bytes(key, list->size());
    for (const Value& item : *list) append_value(key, item);
  } else if (const Table* table = value.table()) {
    append_bytes(key, table->size());
    for (const Entry& entry : *table) {
      append_text(key, entry.key);
      append_value(key, entry.value);
    }
  } else if (const std::string* text = value.text()) {
    append_text(key, *text);
  } else if (const double* number = std::get_if<double>(&value.data)) {
    append_bytes(key, *number);
  } else if (const int64_t* integer = value.integer()) {
    append_bytes(key, *integer);
  } else if (const bool* flag = value.flag()) {
    append_bytes(key, *flag);
  }
}

std::string key_of(const Value& root, std::initializer_list<const char*> sections) {
  std::string key;
  for (const char* name : sections) {
    const Value* section = root.find(name);
    append_bytes(key, section != nullptr);
    if (section != nullptr) append_value(key, *section);
  }
  return key;
}

void read_data(const Value& root, DataConfig& config, Diagnostics& diagnostics) {
  SectionReader reader(root.find("data"), "data", "data", diagnostics);
  data_fields(config, reader);
  reader.finish(cat(is_own(config.source) ? "data.kind '" : "data.name '", name(config.source), "'"));
}

void read_model(const Value& root, ModelConfig& config, Diagnostics& diagnostics) {
  const Value* family = root.find_path("model.family");
  const auto known =
      family != nullptr && family->text() != nullptr ? parse_word<ModelFamily>(*family->text()) : std::nullopt;
  config = default_model(known.value_or(ModelFamily::kVit));
  SectionReader reader(root.find("model"), "model", "model", diagnostics);
  model_fields(config, reader);
  reader.finish(cat("family '", name(config.family), "'"));
}

// Sites are those of the family; each has a norm of its own or the word "norm". "others" stands for the standard sites
// that are not named.
void read_sites(const Value& root, TrialConfig& config, Diagnostics& diagnostics) {
  const Value* table = root.find("norm_sites");
  if (table == nullptr) return;
  if (!table->is_table()) {
    diagnostics.error(table->place, cat("norm_sites must be a table of sites, not ", type_text(*table)));
    return;
  }
  std::vector<std::string> allowed = sites(config.model.family).all();
  allowed.push_back(kOthers);
  for (const Entry& entry : *table->table()) {
    if (std::find(allowed.begin(), allowed.end(), entry.key) == allowed.end()) {
      diagnostics.error(entry.key_place,
                        cat("unknown site ", quoted(entry.key), " of model family '", name(config.model.family),
                            "'; allowed: ", join(allowed), did_you_mean(entry.key, allowed)));
      continue;
    }
    const std::string* word = entry.value.text();
    config.norm_sites[entry.key] = word != nullptr && *word == "norm"
                                       ? config.norm
                                       : read_norm(entry.value, "norm_sites." + entry.key, false, diagnostics);
  }
  auto others = config.norm_sites.extract(kOthers);
  if (!others) return;
  for (const std::string& site : sites(config.model.family).standard) {
    if (has_site(config.model, site)) config.norm_sites.try_emplace(site, others.mapped());
  }
}

void read_train(const Value& root, TrainConfig& config, Diagnostics& diagnostics) {
  const Value* table = root.find("train");
  SectionReader reader(table, "train", "train", diagnostics);
  train_fields(config, reader);
  reader.skip("distill");
  reader.skip("start");
  reader.finish("train");
  if (const Value* distill = table == nullptr ? nullptr : table->find("distill")) {
    SectionReader inner(distill, "train.distill", "train.distill", diagnostics);
    distill_fields(config.distill.emplace(), inner);
    inner.finish("train.distill");
  }
  if (const Value* start = table == nullptr ? nullptr : table->find("start")) {
    SectionReader inner(start, "train.start", "train.start", diagnostics);
    start_fields(config.start.emplace(), inner);
    inner.finish("train.start");
  }
}

// "layer = 'dyt'": every norm of the first kind, at whatever site, becomes the second.
class NormReplacer {
 public:
  NormReplacer(const Value& table, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    for (const Entry& entry : *table.table()) {
      const auto kind = parse_word<NormKind>(entry.key);
      if (!kind) {
        const auto all = words<NormKind>();
        const std::vector<std::string> allowed(all.begin(), all.end());
        diagnostics.error(entry.key_place, cat("replace_norm: ", quoted(entry.key), " is no kind of norm; allowed: ",
                                               join(allowed), did_you_mean(entry.key, allowed)));
        continue;
      }
      rules_.push_back(
          {*kind, read_norm(entry.value, "replace_norm." + entry.key, false, diagnostics), entry.key_place, false});
    }
  }

  void apply(TrialConfig& config) {
    for (const std::string& site : sites(config.model.family).layered) {
      NormConfig norm = config.norm_at(site);
      if (!config.norm_sites.contains(site) && replace(norm)) config.norm_sites[site] = norm;
    }
    replace(config.norm);
    for (auto& [site, norm] : config.norm_sites) replace(norm);
    for (const Rule& rule : rules_) {
      if (rule.used) continue;
      diagnostics_.error(rule.place, cat("replace_norm: no norm of the model is of kind '", name(rule.from),
                                         "'; correct the kind or remove the line"));
    }
  }

 private:
  struct Rule {
    NormKind from{};
    NormConfig to;
    Place place;
    bool used = false;
  };

  // Once: what replaces a norm is not replaced again.
  bool replace(NormConfig& norm) {
    for (Rule& rule : rules_) {
      if (rule.from != norm.kind) continue;
      rule.used = true;
      norm = rule.to;
      return true;
    }
    bool any = false;
    if (norm.kind != NormKind::kSelector) return any;
    for (NormConfig& branch : norm.branches) any = replace_branch(branch) || any;
    return any;
  }

  bool replace_branch(NormConfig& branch) {
    for (const Rule& rule : rules_) {
      if (rule.from != branch.kind || rule.to.kind != NormKind::kSelector) continue;
      diagnostics_.error(rule.place, cat("replace_norm: '", name(rule.from),
                                         "' is a branch of a selector, and a selector cannot be one; name its branches "
                                         "yourself, or replace by another kind"));
      return true;
    }
    return replace(branch);
  }

  Diagnostics& diagnostics_;
  std::vector<Rule> rules_;
};

void read_replacements(const Value& root, TrialConfig& config, Diagnostics& diagnostics) {
  const Value* table = root.find("replace_norm");
  if (table == nullptr) return;
  if (!table->is_table()) {
    diagnostics.error(table->place, cat("replace_norm must be a table of kind = norm, not ", type_text(*table)));
    return;
  }
  NormReplacer(*table, diagnostics).apply(config);
}

// Which trial provides each stage; filled in by the expansion, so a person rarely writes it.
void read_inputs(const Value& root, TrialConfig& config, Diagnostics& diagnostics) {
  const Value* table = root.find("inputs");
  if (table == nullptr) return;
  if (!table->is_table()) {
    diagnostics.error(table->place, cat("inputs must be a table of stage = trial id, not ", type_text(*table)));
    return;
  }
  for (const Entry& entry : *table->table()) {
    const std::string* id = entry.value.text();
    if (id == nullptr || id->empty()) {
      diagnostics.error(entry.value.place,
                        cat("inputs.", entry.key, " must be the id of a trial, not ", type_text(entry.value)));
      continue;
    }
    config.inputs[entry.key] = TrialId(*id);
  }
}

void read_device(SectionReader& reader, const Value& root, std::string& device) {
  reader.only_word("device", "auto");
  const Value* value = root.find("device");
  if (value != nullptr && value->text() != nullptr) device = *value->text();
}

}  // namespace

const std::vector<std::string>& trial_sections() {
  static const std::vector<std::string> kSections{"seed",       "ranks",        "device", "data", "model", "norm",
                                                  "norm_sites", "replace_norm", "train",  "run",  "inputs"};
  return kSections;
}

TrialConfig read_trial(const Value& root, Diagnostics& diagnostics) { return TrialReader().read(root, diagnostics); }

// What was read without an error is remembered. After one, nothing is: the rest of the tree is read for its errors
// only.
template <class Section, class Read>
Section TrialReader::section(std::unordered_map<std::string, Section>& known, std::string key,
                             const Diagnostics& diagnostics, Read read) {
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  Section section;
  read(section);
  if (known.size() >= kRememberedSections) known.clear();
  if (diagnostics.ok()) known.emplace(std::move(key), section);
  return section;
}

TrialConfig TrialReader::read(const Value& root, Diagnostics& diagnostics) {
  TrialConfig config;
  SectionReader top(&root, "", "", diagnostics);
  top("seed", config.seed);
  top("ranks", config.ranks);
  if (root.is_table()) read_device(top, root, config.device);
  for (const std::string& name : trial_sections()) top.skip(name);
  top.finish("a trial");
  if (!root.is_table()) return config;
  config.data = section(data_, key_of(root, {"data"}), diagnostics,
                        [&](DataConfig& data) { read_data(root, data, diagnostics); });
  config.model = section(models_, key_of(root, {"model"}), diagnostics,
                         [&](ModelConfig& model) { read_model(root, model, diagnostics); });
  Norms norms = section(norms_, key_of(root, {"norm", "norm_sites", "replace_norm"}) + key_of(root, {"model"}),
                        diagnostics, [&](Norms& out) {
                          TrialConfig part;
                          part.model = config.model;
                          if (const Value* norm = root.find("norm"))
                            part.norm = read_norm(*norm, "norm", false, diagnostics);
                          read_sites(root, part, diagnostics);
                          read_replacements(root, part, diagnostics);
                          out = {std::move(part.norm), std::move(part.norm_sites)};
                        });
  config.norm = std::move(norms.norm);
  config.norm_sites = std::move(norms.sites);
  config.train = section(train_, key_of(root, {"train"}), diagnostics,
                         [&](TrainConfig& train) { read_train(root, train, diagnostics); });
  config.run = section(run_, key_of(root, {"run"}), diagnostics, [&](RunConfig& run) {
    SectionReader reader(root.find("run"), "run", "run", diagnostics);
    run_fields(run, reader);
    reader.finish("run");
  });
  read_inputs(root, config, diagnostics);
  return config;
}

}  // namespace autonorm::config
