#include "coordinator/report/pairing.h"

#include <algorithm>

#include "core/base/text.h"

namespace autonorm::report {
namespace {

enum class Cleanness { kClean, kUnclean, kUnchecked };

const std::string kOrder = "order_sha256";

Cleanness cleanness(const TrialRow& a, const TrialRow& b, InitialLists& lists) {
  const std::string *order_a = fact_of(a, kOrder), *order_b = fact_of(b, kOrder);
  if (order_a == nullptr || order_b == nullptr) return Cleanness::kUnchecked;
  return *order_a != *order_b || lists.differ(a.initial, b.initial) ? Cleanness::kUnclean : Cleanness::kClean;
}

// The first parameter of equal name and shape that started differently; null when there is none.
const std::string* different_start(const TextList& a, const TextList& b) {
  auto other = b.begin();
  for (const auto& [parameter, hash] : a) {
    while (other != b.end() && other->first < parameter) ++other;
    if (other == b.end()) return nullptr;
    if (other->first == parameter && other->second != hash) return &parameter;
  }
  return nullptr;
}

}  // namespace

bool InitialLists::differ(const TextList& a, const TextList& b) {
  if (&a == &b) return false;
  const std::lock_guard lock(mutex_);
  const auto [known, is_new] = known_.try_emplace({&a, &b});
  if (is_new) known->second = different_start(a, b) != nullptr;
  return known->second;
}

Pairing pairing_of(const SeedRows& variant, const SeedRows& baseline, const std::string& metric, InitialLists& lists) {
  Pairing pairing;
  for (const auto& [seed, row] : variant) {
    const auto other = baseline.find(seed);
    if (other == baseline.end() || !value_of(*row, metric) || !value_of(*other->second, metric)) continue;
    ++pairing.pairs;
    const Cleanness clean = cleanness(*row, *other->second, lists);
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
  const std::string *order_a = fact_of(a, kOrder), *order_b = fact_of(b, kOrder);
  if (order_a == nullptr || order_b == nullptr) return "";
  if (*order_a != *order_b) return "another batch order";
  const std::string* parameter = different_start(a.initial, b.initial);
  return parameter == nullptr ? "" : cat("other initial values of ", *parameter);
}

}  // namespace autonorm::report
