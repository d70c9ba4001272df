// The ids of a sweep's trials. Cells share most of their sections, and the seeds of a cell all of them: what was
// written once serves the others.
#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/config/trial_config.h"

namespace autonorm::config {

// What one section adds to an identity.
struct IdentityPart {
  std::string members;      // of "config", without braces; may be empty
  nlohmann::json numerics;  // of the kinds that it uses
};

// Of one configuration under any seed.
class CellIdentity {
 public:
  // Equals canonical() and trial_id() of the configuration with this seed and, when it waits for a stage, this trial as
  // the stage's.
  std::string canonical(uint64_t seed, const std::optional<TrialId>& teacher) const;
  TrialId trial_id(uint64_t seed, const std::optional<TrialId>& teacher) const;

 private:
  friend class CellIdentities;
  // The canonical text is {"config":{ before_, seed, train_ rest_; a seed of 0 is not written.
  std::string before_, train_, rest_;
  std::vector<std::string> from_;  // `"key":value` of what the trial waits for, as it stands in train_
};

// Not thread-safe.
class CellIdentities {
 public:
  CellIdentity of(const TrialConfig& config);

 private:
  template <class Make>
  const IdentityPart& part(std::string key, Make make);
  const std::string& numerics_text(std::initializer_list<const IdentityPart*> parts);

  std::unordered_map<std::string, IdentityPart> parts_;  // by the key of its section
  std::vector<nlohmann::json> numerics_;                 // of the last cell, by part
  std::string numerics_text_;                            // all of them
};

}  // namespace autonorm::config
