// What makes two trials the same. The text is hashed and stored: a released default or word never changes, and a kind
// that starts to compute something else raises its `numerics` in the catalogue.
#include "core/config/trial_identity.h"

#include <algorithm>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/trial_fields.h"
#include "core/config/trial_writer.h"

namespace autonorm::config {
namespace {

using nlohmann::json;

// The members of `value` that differ from those of `fallback`.
json difference(const json& value, const json& fallback) {
  json out = json::object();
  for (const auto& [key, member] : value.items()) {
    if (!fallback.contains(key) || fallback[key] != member) out[key] = member;
  }
  return out;
}

// Taken once: a sweep asks for it in every cell.
const json& default_train() {
  static const json kDefault = write_train(TrainConfig{}, Keys::kIdentity);
  return kDefault;
}

// gate_eval says nothing where training's gate and its expectation are the same function.
NormConfig simplified(NormConfig norm) {
  if (norm.kind == NormKind::kSelector && norm.gate != Gate::kRandom && norm.gate != Gate::kGumbel)
    norm.gate_eval = GateEval::kAsTrained;
  // Without an input all samples share the weights anyway.
  if (norm.gate == Gate::kStatic && norm.granularity == Granularity::kLayer) norm.granularity = Granularity::kSample;
  if (norm.branches.empty() && norm.kind == NormKind::kSelector) norm.branches = default_branches();
  std::sort(norm.freeze.begin(), norm.freeze.end());
  for (NormConfig& branch : norm.branches) branch = simplified(branch);
  return norm;
}

json norm_identity(const NormConfig& norm, bool always_kind);

json branch_identities(const std::vector<NormConfig>& branches) {
  json out = json::array();
  for (const NormConfig& branch : branches) out.push_back(norm_identity(branch, true));
  return out;
}

// `always_kind`: a site or branch states its kind even when it is the default one.
json norm_identity(const NormConfig& norm, bool always_kind) {
  const NormConfig simple = simplified(norm);
  NormConfig fallback = default_norm(simple.kind);
  fallback.gate = simple.gate;  // so that the keys of this gate have their defaults to differ from
  json out = difference(write_norm(simple, Keys::kIdentity), write_norm(fallback, Keys::kIdentity));
  if (simple.kind == NormKind::kSelector && simple.gate != Gate::kSoftmax) out["gate"] = std::string(name(simple.gate));
  // Branches in full would change with each key that a norm gains.
  if (out.contains("branches")) out["branches"] = branch_identities(simple.branches);
  if (always_kind || simple.kind != NormKind::kLayer) out["kind"] = std::string(name(simple.kind));
  return out;
}

bool same_norm(const NormConfig& a, const NormConfig& b) { return norm_identity(a, true) == norm_identity(b, true); }

std::string_view loss_name(const TrialConfig& config) {
  if (config.model.family == ModelFamily::kMae) return "reconstruction";
  return config.data.task == Task::kRegression ? "squared_error" : "cross_entropy";
}

// Collects the configuration's identity and the kinds in use.
class Identity {
 public:
  explicit Identity(const TrialConfig& config) : c_(config) {}

  json build(bool with_seed) {
    if (with_seed && c_.seed != 0) config_["seed"] = c_.seed;
    if (c_.ranks != 1) config_["ranks"] = c_.ranks;
    add_data();
    add_model();
    add_norms();
    add_train();
    numerics_["training"] = training_loop().numerics;
    return {{"config", config_},
            {"data", data_fingerprint(c_.data)},
            {"device", c_.device},
            {"format", 1},
            {"numerics", numerics_}};
  }

 private:
  void put(const char* section, const json& members) {
    if (!members.empty()) config_[section] = members;
  }
  void use(const char* group, std::span<const Kind> kinds, std::string_view name) {
    for (const Kind& kind : kinds) {
      if (kind.name == name) numerics_[cat(group, ".", name)] = kind.numerics;
    }
  }

  // The content counts by its fingerprint; the name only tells readings of one file apart.
  void add_data() {
    DataConfig fallback;
    fallback.source = c_.data.source;
    json members = difference(write_data(c_.data, Keys::kIdentity), write_data(fallback, Keys::kIdentity));
    members.erase("sha256");  // it is the fingerprint
    if (is_own(c_.data.source))
      members["kind"] = std::string(name(c_.data.source));
    else if (c_.data.source != DataSource::kDigits)
      members["name"] = std::string(name(c_.data.source));
    put("data", members);
    const DataSet* set = find_data_set(c_.data.source);
    numerics_[cat("data.", name(c_.data.source))] = set == nullptr ? 1 : set->kind.numerics;
  }

  void add_model() {
    const ModelConfig fallback = default_model(c_.model.family);
    json members = difference(write_model(c_.model, Keys::kIdentity), write_model(fallback, Keys::kIdentity));
    if (c_.model.family != ModelFamily::kVit) members["family"] = std::string(name(c_.model.family));
    put("model", members);
    use("model", models(), name(c_.model.family));
  }

  // From what the sites get, however it was written: `norm` is what the first standard site has, others are listed
  // where they differ.
  void add_norms() {
    const Sites& known = sites(c_.model.family);
    if (c_.norm_sites.empty() && known.layered.empty()) {
      use_norm(c_.norm);
      put("norm", norm_identity(c_.norm, false));
      return;
    }
    const NormConfig common = c_.norm_at(known.standard.front());
    json by_site = json::object();
    for (const std::string& site : known.standard) {
      const NormConfig norm = c_.norm_at(site);
      use_norm(norm);
      if (!same_norm(norm, common)) by_site[site] = norm_identity(norm, true);
    }
    for (const std::string& site : known.layered) {
      const NormConfig norm = c_.norm_at(site);
      use_norm(norm);
      if (!same_norm(norm, default_norm(NormKind::kLayer))) by_site[site] = norm_identity(norm, true);
    }
    for (const std::string& site : known.optional) {
      const NormConfig norm = c_.norm_at(site);
      if (norm.kind == NormKind::kNone) continue;
      use_norm(norm);
      by_site[site] = norm_identity(norm, true);
    }
    put("norm", norm_identity(common, false));
    put("norm_sites", by_site);
  }

  // A selector uses its gate and its branches too.
  void use_norm(const NormConfig& norm) {
    use("norm", norms(), name(norm.kind));
    if (norm.kind != NormKind::kSelector) return;
    use("gate", gates(), name(norm.gate));
    for (const NormConfig& branch : norm.branches.empty() ? default_branches() : norm.branches) use_norm(branch);
  }

  // Optimizer, schedule and losses bring their numerics along.
  void add_train() {
    json members = difference(write_train(c_.train, Keys::kIdentity), default_train());
    use("optimizer", optimizers(), "adamw");
    use("schedule", schedules(), name(c_.train.schedule));
    use("loss", losses(), loss_name(c_));
    if (c_.train.start) members["start"] = {{"from", input_of(c_.train.start->from)}};
    if (c_.train.distill) {
      TrainConfig fallback;
      fallback.distill.emplace();
      members["distill"] = difference(write_train(c_.train)["distill"], write_train(fallback)["distill"]);
      members["distill"]["from"] = input_of(c_.train.distill->from);
      use("loss", losses(), "distill");
    }
    put("train", members);
  }

  // The stage's name is a label; the trial behind it is what counts.
  std::string input_of(const std::string& stage) const {
    const auto found = c_.inputs.find(stage);
    return found == c_.inputs.end() ? "stage:" + stage : found->second.value();
  }

  const TrialConfig& c_;
  json config_ = json::object();
  json numerics_ = json::object();
};

std::string dump(const json& identity) { return identity.dump(-1, ' ', false, json::error_handler_t::replace); }

// As it stands in the canonical text. No value looks like one: quotes inside a text are escaped.
std::string member(std::string_view key, const json& value) {
  std::string text = "\"";
  return text.append(key).append("\":").append(dump(value));
}

void replace(std::string& text, const std::string& old, const std::string& member) {
  const size_t at = text.find(old);
  AUTONORM_CHECK(!old.empty() && at != std::string::npos, "the identity of this configuration has no ", member);
  text.replace(at, old.size(), member);
}

}  // namespace

std::string canonical(const TrialConfig& config) { return dump(Identity(config).build(true)); }
TrialId trial_id(const TrialConfig& config) { return TrialId(sha256(canonical(config)).value()); }
Sha256 cell_id(const TrialConfig& config) { return sha256(dump(Identity(config).build(false))); }

CellIdentity::CellIdentity(const TrialConfig& config) : seed_(member("seed", 1)) {
  json identity = Identity(config).build(false);
  json& members = identity["config"];
  without_seed_ = dump(identity);
  members["seed"] = 1;
  with_seed_ = dump(identity);
  for (const char* part : {"distill", "start"}) {
    if (members.contains("train") && members["train"].contains(part))
      from_.push_back(member("from", members["train"][part]["from"]));
  }
}

TrialId CellIdentity::trial_id(uint64_t seed, const std::optional<TrialId>& teacher) const {
  std::string text = seed == 0 ? without_seed_ : with_seed_;
  if (seed != 0) replace(text, seed_, member("seed", seed));
  for (const std::string& from : from_) {
    if (teacher) replace(text, from, member("from", teacher->value()));
  }
  return TrialId(sha256(text).value());
}

}  // namespace autonorm::config
