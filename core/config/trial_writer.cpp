#include "core/config/trial_writer.h"

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/trial_fields.h"

namespace autonorm::config {
namespace {

template <class T>
constexpr bool kIsWordList = false;
template <class Enum>
constexpr bool kIsWordList<std::vector<Enum>> = std::is_enum_v<Enum>;

// A visitor for trial_fields.h.
class SectionWriter {
 public:
  SectionWriter(std::string section, Keys which) : section_(std::move(section)), which_(which), path_(section_ + ".") {}

  template <class T>
  void operator()(std::string_view key, const T& member) {
    if constexpr (std::is_enum_v<T>) {
      put(key, std::string(name(member)));
    } else if constexpr (kIsWordList<T>) {
      nlohmann::json words = nlohmann::json::array();
      for (const auto word : member) words.push_back(std::string(name(word)));
      put(key, std::move(words));
    } else {
      put(key, member);
    }
  }
  void data_source(DataSource source) { put(is_own(source) ? "kind" : "name", std::string(name(source))); }
  void only_word(std::string_view key, std::string_view word) { put(key, std::string(word)); }
  void branches(std::string_view key, const std::vector<NormConfig>& members) {
    nlohmann::json list = nlohmann::json::array();
    for (const NormConfig& branch : members.empty() ? default_branches() : members)
      list.push_back(write_norm(branch, which_));
    put(key, std::move(list));
  }

  nlohmann::json take() { return std::move(out_); }

 private:
  void put(std::string_view key, nlohmann::json value) {
    path_.resize(section_.size() + 1);
    path_ += key;
    const Key* row = find_key(path_);
    AUTONORM_CHECK(row != nullptr, "the catalogue lacks ", section_, ".", key);
    if (which_ == Keys::kIdentity && row->mark == Mark::kExecution) return;
    out_[std::string(key)] = std::move(value);
  }

  std::string section_;
  Keys which_;
  std::string path_;  // of the key being written; kept for its storage
  nlohmann::json out_ = nlohmann::json::object();
};

}  // namespace

nlohmann::json write_data(const DataConfig& config, Keys which) {
  SectionWriter writer("data", which);
  data_fields(config, writer);
  return writer.take();
}

nlohmann::json write_model(const ModelConfig& config, Keys which) {
  SectionWriter writer("model", which);
  model_fields(config, writer);
  return writer.take();
}

nlohmann::json write_norm(const NormConfig& config, Keys which) {
  SectionWriter writer("norm", which);
  norm_fields(config, writer);
  return writer.take();
}

nlohmann::json write_train(const TrainConfig& config, Keys which) {
  SectionWriter writer("train", which);
  train_fields(config, writer);
  nlohmann::json out = writer.take();
  if (config.distill) {
    SectionWriter distill("train.distill", which);
    distill_fields(*config.distill, distill);
    out["distill"] = distill.take();
  }
  if (config.start) {
    SectionWriter start("train.start", which);
    start_fields(*config.start, start);
    out["start"] = start.take();
  }
  return out;
}

nlohmann::json write_run(const RunConfig& config) {
  SectionWriter writer("run", Keys::kAll);
  run_fields(config, writer);
  return writer.take();
}

}  // namespace autonorm::config
