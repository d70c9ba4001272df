#include "core/config/cell_text.h"

#include <utility>

#include "core/config/section_key.h"
#include "core/config/trial_writer.h"

namespace autonorm::config {
namespace {

constexpr size_t kRememberedTexts = 1'000;

nlohmann::json write_sites(const TrialConfig& config) {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& [site, norm] : config.norm_sites) out[site] = write_norm(norm);
  return out;
}

// "a":…,"b":… of an object.
std::string members_of(const nlohmann::json& object) {
  const std::string text = object.dump();
  return text.substr(1, text.size() - 2);
}

}  // namespace

template <class Write>
const std::string& CellTexts::section(std::string key, Write write) {
  const auto known = sections_.find(key);
  if (known != sections_.end()) return known->second;
  return sections_.emplace(std::move(key), members_of(write())).first->second;
}

std::string CellTexts::of(const TrialConfig& config) {
  using nlohmann::json;
  if (sections_.size() > kRememberedTexts) sections_.clear();
  std::string text = "{";
  text += section(data_key(config.data), [&] { return json{{"data", write_data(config.data)}}; });
  text += ",\"device\":" + json(config.device).dump() + ',';
  text += section(model_key(config.model), [&] { return json{{"model", write_model(config.model)}}; });
  text += ',';
  text += section(norm_key(config), [&] {
    return json{{"norm", write_norm(config.norm)}, {"norm_sites", write_sites(config)}};
  });
  text += ",\"ranks\":" + std::to_string(config.ranks) + ',';
  text += section(run_key(config.run), [&] { return json{{"run", write_run(config.run)}}; });
  text += ',';
  text += section(train_key(config), [&] { return json{{"train", write_train(config.train)}}; });
  return text += '}';
}

}  // namespace autonorm::config
