// From a tree of values to a TrialConfig, strictly: what is absent gets its default, everything else is checked.
#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/config/diagnostics.h"
#include "core/config/trial_config.h"
#include "core/config/value.h"

namespace autonorm::config {

// Reads the whole tree, reporting every error to `diagnostics`; the result is meaningful only when none was added.
// A site of norm_sites may be the word "norm": it then gets what `norm` says.
TrialConfig read_trial(const Value& root, Diagnostics& diagnostics);

// The same for many trees that share most of their sections, such as the cells of a sweep: a section that says what an
// earlier one said is not read again. Not thread-safe.
class TrialReader {
 public:
  TrialConfig read(const Value& root, Diagnostics& diagnostics);

 private:
  struct Norms {
    NormConfig norm;
    std::map<std::string, NormConfig> sites;
  };
  template <class Section, class Read>
  Section section(std::unordered_map<std::string, Section>& known, std::string key, const Diagnostics& diagnostics,
                  Read read);

  // By what the section says, without places: only those without errors are here.
  std::unordered_map<std::string, DataConfig> data_;
  std::unordered_map<std::string, ModelConfig> models_;
  std::unordered_map<std::string, Norms> norms_;
  std::unordered_map<std::string, TrainConfig> train_;
  std::unordered_map<std::string, RunConfig> run_;
};

// What one key cannot see: patch divides the image, heads divides dim, weights per branch, sites of the family, batch
// and ranks, checkpoint_every and log_every. `root` serves for places only.
void check_trial(const TrialConfig& config, const Value& root, Diagnostics& diagnostics);

// The keys that a trial's table may have at its top.
const std::vector<std::string>& trial_sections();

}  // namespace autonorm::config
