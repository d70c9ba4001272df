// What makes two trials the same. The text is hashed and stored: a released default or word never changes, and a kind
// that starts to compute something else raises its `numerics` in the catalogue.
#include "core/config/trial_identity.h"

#include <algorithm>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/section_key.h"
#include "core/config/trial_writer.h"

namespace autonorm::config {
namespace {

using nlohmann::json;

std::string dump(const json& identity) { return identity.dump(-1, ' ', false, json::error_handler_t::replace); }

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

// What a part of a configuration adds to the identity: members of "config", and the kinds in use.
class PartBuilder {
 public:
  void put(const char* section, const json& members) {
    if (!members.empty()) config_[section] = members;
  }
  void use(const char* group, std::span<const Kind> kinds, std::string_view name) {
    for (const Kind& kind : kinds) {
      if (kind.name == name) use((std::string(group) += '.') += name, kind.numerics);
    }
  }
  void use(const std::string& kind, int numerics) { numerics_[kind] = numerics; }
  // A selector uses its gate and its branches too.
  void use_norm(const NormConfig& norm) {
    use("norm", norms(), name(norm.kind));
    if (norm.kind != NormKind::kSelector) return;
    use("gate", gates(), name(norm.gate));
    for (const NormConfig& branch : norm.branches.empty() ? default_branches() : norm.branches) use_norm(branch);
  }

  IdentityPart take() {
    std::string members = dump(config_);
    return {members.substr(1, members.size() - 2), std::move(numerics_)};
  }

 private:
  json config_ = json::object();
  json numerics_ = json::object();
};

// The content counts by its fingerprint; the name only tells readings of one file apart.
IdentityPart data_part(const DataConfig& data) {
  PartBuilder part;
  DataConfig simple = data, fallback;
  std::ranges::sort(simple.corruptions);
  fallback.source = data.source;
  fallback.corruptions = simple.corruptions;  // so that `severity` has a default to differ from
  const json own = write_data(simple, Keys::kIdentity);
  json members = difference(own, write_data(fallback, Keys::kIdentity));
  if (!simple.corruptions.empty()) {
    members["corruptions"] = own["corruptions"];
    part.use("corruption", 1);
  }
  members.erase("sha256");  // it is the fingerprint
  if (is_own(data.source))
    members["kind"] = std::string(name(data.source));
  else if (data.source != DataSource::kDigits)
    members["name"] = std::string(name(data.source));
  part.put("data", members);
  const DataSet* set = find_data_set(data.source);
  part.use(cat("data.", name(data.source)), set == nullptr ? 1 : set->kind.numerics);
  return part.take();
}

IdentityPart model_part(const ModelConfig& model) {
  PartBuilder part;
  const ModelConfig fallback = default_model(model.family);
  json members = difference(write_model(model, Keys::kIdentity), write_model(fallback, Keys::kIdentity));
  if (model.family != ModelFamily::kVit) members["family"] = std::string(name(model.family));
  part.put("model", members);
  part.use("model", models(), name(model.family));
  return part.take();
}

// From what the sites get, however it was written: `norm` is what the first standard site has, others are listed
// where they differ.
IdentityPart norm_part(const TrialConfig& config) {
  PartBuilder part;
  const Sites& known = sites(config.model.family);
  if (config.norm_sites.empty() && known.layered.empty()) {
    part.use_norm(config.norm);
    part.put("norm", norm_identity(config.norm, false));
    return part.take();
  }
  const NormConfig common = config.norm_at(known.standard.front());
  json by_site = json::object();
  for (const std::string& site : known.standard) {
    const NormConfig norm = config.norm_at(site);
    part.use_norm(norm);
    if (!same_norm(norm, common)) by_site[site] = norm_identity(norm, true);
  }
  for (const std::string& site : known.layered) {
    const NormConfig norm = config.norm_at(site);
    part.use_norm(norm);
    if (!same_norm(norm, default_norm(NormKind::kLayer))) by_site[site] = norm_identity(norm, true);
  }
  for (const std::string& site : known.optional) {
    const NormConfig norm = config.norm_at(site);
    if (norm.kind == NormKind::kNone) continue;
    part.use_norm(norm);
    by_site[site] = norm_identity(norm, true);
  }
  part.put("norm", norm_identity(common, false));
  part.put("norm_sites", by_site);
  return part.take();
}

// The stage's name is a label; the trial behind it is what counts.
std::string input_of(const TrialConfig& config, const std::string& stage) {
  const auto found = config.inputs.find(stage);
  return found == config.inputs.end() ? "stage:" + stage : found->second.value();
}

bool warms_up(const NormConfig& norm) {
  return norm.kind == NormKind::kUnified || norm.kind == NormKind::kPowerNorm ||
         (norm.kind == NormKind::kSelector &&
          std::ranges::any_of(norm.branches, [](const NormConfig& branch) { return warms_up(branch); }));
}

// Whether some norm counts a warm-up, which a start from a stage begins anew.
bool warms_up(const TrialConfig& config) {
  const std::vector<std::string> all = sites(config.model.family).all();
  return std::ranges::any_of(all, [&](const std::string& site) { return warms_up(config.norm_at(site)); });
}

std::string_view loss_name(const TrialConfig& config) {
  if (config.model.family == ModelFamily::kMae) return "reconstruction";
  return config.data.task == Task::kRegression ? "squared_error" : "cross_entropy";
}

// Keys that exist only beside another one have defaults to differ from where that one is in use.
json train_difference(const TrainConfig& train) {
  TrainConfig fallback;
  fallback.optimizer = train.optimizer;
  fallback.ema = train.ema;
  fallback.feature_decay = train.feature_decay;
  fallback.policy = train.policy;
  const json own = write_train(train, Keys::kIdentity);
  json members = difference(own, write_train(fallback, Keys::kIdentity));
  for (const char* key : {"optimizer", "ema", "feature_decay", "policy"}) {
    if (own[key] != default_train()[key]) members[key] = own[key];
  }
  return members;
}

// Optimizer, schedule and losses bring their numerics along.
IdentityPart train_part(const TrialConfig& config) {
  PartBuilder part;
  const TrainConfig& train = config.train;
  json members = train_difference(train);
  part.use("optimizer", optimizers(), name(train.optimizer));
  part.use("schedule", schedules(), name(train.schedule));
  part.use("loss", losses(), loss_name(config));
  if (train.start) {
    members["start"] = {{"from", input_of(config, train.start->from)}};
    if (!train.start->keep_counters && warms_up(config)) members["start"]["counters"] = "anew";
    if (train.start->head_only) members["start"]["head_only"] = true;
  }
  if (train.distill) {
    TrainConfig fallback;
    fallback.distill.emplace();
    members["distill"] = difference(write_train(train)["distill"], write_train(fallback)["distill"]);
    members["distill"]["from"] = input_of(config, train.distill->from);
    part.use("loss", losses(), "distill");
  }
  part.put("train", members);
  part.use("training", training_loop().numerics);
  return part.take();
}

std::string with_comma(std::string text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += ',';
  return text += more;
}

void replace(std::string& text, const std::string& old, const std::string& member) {
  const size_t at = text.find(old);
  AUTONORM_CHECK(at != std::string::npos, "the identity of this configuration has no ", old);
  text.replace(at, old.size(), member);
}

// As it stands in the canonical text. No value looks like one: quotes inside a text are escaped.
std::string from_member(const std::string& source) { return "\"from\":" + dump(source); }

constexpr size_t kRememberedParts = 1'000;

}  // namespace

std::string canonical(const TrialConfig& config) { return CellIdentities().of(config).canonical(config.seed, {}); }
TrialId trial_id(const TrialConfig& config) { return CellIdentities().of(config).trial_id(config.seed, {}); }
Sha256 cell_id(const TrialConfig& config) { return sha256(CellIdentities().of(config).canonical(0, {})); }

template <class Make>
const IdentityPart& CellIdentities::part(std::string key, Make make) {
  const auto known = parts_.find(key);
  if (known != parts_.end()) return known->second;
  return parts_.emplace(std::move(key), make()).first->second;
}

// Most cells use the same kinds as the one before.
const std::string& CellIdentities::numerics_text(std::initializer_list<const IdentityPart*> parts) {
  const auto same = [](const json& last, const IdentityPart* part) { return last == part->numerics; };
  if (std::ranges::equal(numerics_, parts, same)) return numerics_text_;
  numerics_.clear();
  json all = json::object();
  for (const IdentityPart* part : parts) {
    all.update(part->numerics);
    numerics_.push_back(part->numerics);
  }
  return numerics_text_ = dump(all);
}

CellIdentity CellIdentities::of(const TrialConfig& config) {
  if (parts_.size() > kRememberedParts) parts_.clear();
  const IdentityPart& data = part(data_key(config.data), [&] { return data_part(config.data); });
  const IdentityPart& model = part(model_key(config.model), [&] { return model_part(config.model); });
  const IdentityPart& norm = part(norm_key(config), [&] { return norm_part(config); });
  const IdentityPart& train = part(train_key(config), [&] { return train_part(config); });
  CellIdentity identity;
  identity.before_ = with_comma(with_comma(data.members, model.members), norm.members);
  if (config.ranks != 1) identity.before_ = with_comma(identity.before_, "\"ranks\":" + std::to_string(config.ranks));
  identity.train_ = train.members;
  identity.rest_ = "},\"data\":" + dump(data_fingerprint(config.data)) + ",\"device\":" + dump(config.device) +
                   ",\"format\":1,\"numerics\":" + numerics_text({&data, &model, &norm, &train}) + "}";
  const TrainConfig& t = config.train;
  if (t.distill) identity.from_.push_back(from_member(input_of(config, t.distill->from)));
  if (t.start) identity.from_.push_back(from_member(input_of(config, t.start->from)));
  return identity;
}

std::string CellIdentity::canonical(uint64_t seed, const std::optional<TrialId>& teacher) const {
  std::string members = before_;
  if (seed != 0) members = with_comma(std::move(members), "\"seed\":" + std::to_string(seed));
  std::string train = train_;
  for (const std::string& from : from_) {
    if (teacher) replace(train, from, from_member(teacher->value()));
  }
  members = with_comma(std::move(members), train);
  std::string text = "{\"config\":{";
  text.reserve(text.size() + members.size() + rest_.size());
  return (text += members) += rest_;
}

TrialId CellIdentity::trial_id(uint64_t seed, const std::optional<TrialId>& teacher) const {
  return TrialId(sha256(canonical(seed, teacher)).value());
}

}  // namespace autonorm::config
