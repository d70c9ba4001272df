// The resolved configurations of a sweep's cells as text. Cells share most of their sections: what was written once
// serves the others.
#pragma once
#include <string>
#include <unordered_map>

#include "core/config/trial_config.h"

namespace autonorm::config {

// Not thread-safe.
class CellTexts {
 public:
  // resolved(config) without "seed" and "inputs", compact.
  std::string of(const TrialConfig& config);

 private:
  template <class Write>
  const std::string& section(std::string key, Write write);

  std::unordered_map<std::string, std::string> sections_;  // by their keys
};

}  // namespace autonorm::config
