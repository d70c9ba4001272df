// Trials of a variant and of its baseline, paired by seed. Pure.
#pragma once
#include <boost/container/flat_map.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/report/report_data.h"

namespace autonorm::report {

using SeedRows =
    boost::container::flat_map<uint64_t, const TrialRow*>;  // of one variant in one cell; the rows outlive it

// How far pairs of equal seed really differ by their variant alone. Pairs stay paired whatever this says.
struct Pairing {
  int pairs = 0;      // seeds for which variant and baseline both have the primary metric
  int unclean = 0;    // batch order or the initial value of a parameter of equal name and shape differs
  int unchecked = 0;  // a side has recorded no hashes to compare
};

// Trials share lists of initial values: two lists are compared once, however many pairs have them. Thread-safe.
class InitialLists {
 public:
  // They disagree about a parameter that both have. The lists must outlive this.
  bool differ(const TextList& a, const TextList& b);

 private:
  std::mutex mutex_;
  std::map<std::pair<const TextList*, const TextList*>, bool> known_;  // guarded by mutex_
};

Pairing pairing_of(const SeedRows& variant, const SeedRows& baseline, const std::string& metric, InitialLists& lists);

// Both sides are the very same trials, seed by seed.
bool same_trials(const SeedRows& a, const SeedRows& b);
// Variant minus baseline, by seed, where both have the metric.
std::vector<double> differences_of(const SeedRows& variant, const SeedRows& baseline, const std::string& metric);
// What two trials of equal seed differ in besides their variant; "" when nothing, or when no batch order is recorded.
// Parameters that only one side has cannot differ; equal "name [shape]" must mean equal values.
std::string why_unclean(const TrialRow& a, const TrialRow& b);

}  // namespace autonorm::report
