// Texts that many rows of a report have, kept once each. Not thread-safe; what they return lives as long as they do.
#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

#include "coordinator/report/report_data.h"

namespace autonorm::store {

// Neighbouring rows often have the same text: it is compared with the last one first, then looked up.
class Texts {
 public:
  const report::Shared<std::string>& shared(std::string_view text) {
    if (last_ == nullptr || **last_ != text) {
      auto found = known_.find(text);
      if (found == known_.end()) found = known_.emplace(text, std::string(text)).first;
      last_ = &found->second;
    }
    return *last_;
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, report::Shared<std::string>, Hash, std::equal_to<>> known_;
  const report::Shared<std::string>* last_ = nullptr;
};

// Labels are stored as JSON; each text is parsed once. Throws nlohmann::json::exception.
class KnownLabels {
 public:
  const report::Shared<report::Labels>& of(std::string_view text) {
    const report::Shared<std::string>& shared = texts_.shared(text);
    auto& labels = parsed_[&*shared];
    if (labels->empty()) labels = nlohmann::json::parse(*shared).get<report::Labels>();
    return labels;
  }

 private:
  Texts texts_;
  std::unordered_map<const std::string*, report::Shared<report::Labels>> parsed_;
};

}  // namespace autonorm::store
