#include "core/config/section_key.h"

#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/config/trial_fields.h"

namespace autonorm::config {
namespace {

// A visitor for trial_fields.h. Which members follow depends on those before, so the bytes can be read one way only.
class KeyWriter {
 public:
  explicit KeyWriter(char section) { add(section); }

  template <class T>
  void operator()(std::string_view, const T& member) {
    add(member);
  }
  void data_source(DataSource source) { add(source); }
  void only_word(std::string_view, std::string_view) {}
  void branches(std::string_view, const std::vector<NormConfig>& members) {
    add(members.size());
    for (const NormConfig& branch : members) norm_fields(branch, *this);
  }

  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void add(T value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void add(const std::string& text) {
    add(text.size());
    bytes_ += text;
  }
  template <class T>
  void add(const std::vector<T>& values) {
    add(values.size());
    for (const T& value : values) add(value);
  }

  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace

std::string data_key(const DataConfig& data) {
  KeyWriter key('d');
  data_fields(data, key);
  return key.take();
}

std::string model_key(const ModelConfig& model) {
  KeyWriter key('m');
  model_fields(model, key);
  return key.take();
}

std::string norm_key(const TrialConfig& config) {
  KeyWriter key('n');
  key.add(config.model.family);
  norm_fields(config.norm, key);
  for (const auto& [site, norm] : config.norm_sites) {
    key.add(site);
    norm_fields(norm, key);
  }
  return key.take();
}

std::string train_key(const TrialConfig& config) {
  KeyWriter key('t');
  key.add(config.model.family);
  key.add(config.data.task);
  train_fields(config.train, key);
  key.add(config.train.distill.has_value());
  if (config.train.distill) distill_fields(*config.train.distill, key);
  key.add(config.train.start.has_value());
  if (config.train.start) {
    start_fields(*config.train.start, key);
    key.add(norm_key(config));  // whether their warm-ups begin anew
  }
  for (const auto& [stage, trial] : config.inputs) {
    key.add(stage);
    key.add(trial.value());
  }
  return key.take();
}

std::string run_key(const RunConfig& run) {
  KeyWriter key('r');
  run_fields(run, key);
  return key.take();
}

}  // namespace autonorm::config
