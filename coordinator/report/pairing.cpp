#include "coordinator/report/pairing.h"

#include <algorithm>

#include "core/base/text.h"

namespace autonorm::report {
namespace {

enum class Cleanness { kClean, kUnclean, kUnchecked };

Cleanness cleanness(const TrialRow& a, const TrialRow& b) {
  if (!a.facts.contains("order_sha256") || !b.facts.contains("order_sha256")) return Cleanness::kUnchecked;
  return why_unclean(a, b).empty() ? Cleanness::kClean : Cleanness::kUnclean;
}

}  // namespace

Pairing pairing_of(const SeedRows& variant, const SeedRows& baseline, const std::string& metric) {
  Pairing pairing;
  for (const auto& [seed, row] : variant) {
    const auto other = baseline.find(seed);
    if (other == baseline.end() || !value_of(*row, metric) || !value_of(*other->second, metric)) continue;
    ++pairing.pairs;
    const Cleanness clean = cleanness(*row, *other->second);
    pairing.unclean += clean == Cleanness::kUnclean;
    pairing.unchecked += clean == Cleanness::kUnchecked;
  }
  return pairing;
}

bool same_trials(const SeedRows& a, const SeedRows& b) {
  return std::ranges::equal(
      a, b, [](const auto& x, const auto& y) { return x.first == y.first && x.second->trial == y.second->trial; });
}

std::vector<double> differences_of(const SeedRows& variant, const SeedRows& baseline, const std::string& metric) {
  std::vector<double> differences;
  for (const auto& [seed, row] : variant) {
    const auto other = baseline.find(seed);
    if (other == baseline.end()) continue;
    const auto ours = value_of(*row, metric), theirs = value_of(*other->second, metric);
    if (ours && theirs) differences.push_back(*ours - *theirs);
  }
  return differences;
}

std::string why_unclean(const TrialRow& a, const TrialRow& b) {
  const auto order_a = a.facts.find("order_sha256"), order_b = b.facts.find("order_sha256");
  if (order_a == a.facts.end() || order_b == b.facts.end()) return "";
  if (order_a->second != order_b->second) return "another batch order";
  for (const auto& [parameter, hash] : a.initial) {
    const auto other = b.initial.find(parameter);
    if (other != b.initial.end() && other->second != hash) return cat("other initial values of ", parameter);
  }
  return "";
}

}  // namespace autonorm::report
