// What a number of paired seeds can show, before anything is trained. Two-sided paired t-test; its power is that of the
// noncentral t distribution.
#pragma once
#include <optional>
#include <string>

namespace autonorm::stats {

inline constexpr double kPower = 0.8;  // the customary chance of finding a difference that is there

// Chance that n pairs show a true difference of `effect` standard deviations (of the differences) at level alpha.
// n >= 2, alpha in (0, 1).
double paired_t_power(int n, double effect, double alpha);

// The smallest true difference that n pairs find with `power`, when the differences have standard deviation `sd` (same
// unit as the result). Absent when n < 2. alpha in (0, 1), power in (alpha, 1).
std::optional<double> smallest_detectable_difference(int n, double sd, double alpha, double power = kPower);

// The number of pairs with which a true difference `delta` is found with `power`; absent when delta is 0 or more than
// 100,000 pairs are needed. sd 0 needs 2.
std::optional<int> pairs_needed(double delta, double sd, double alpha, double power = kPower);

// Quick predictions for reports with many cells, from the normal approximation with Guenther's correction (1981):
// within 2 pairs or 5 % of the exact numbers for alpha up to 0.1. Absent when the effect can never be found (delta 0;
// for equivalence |delta| >= margin or margin <= 0) or more than 100,000 pairs are needed. sd 0 needs 2.
std::optional<int> predicted_pairs(double delta, double sd, double alpha, double power = kPower);
std::optional<int> predicted_equivalence_pairs(double delta, double sd, double margin, double alpha,
                                               double power = kPower);

// The number of pairs from which on the sign-flip test can reach p < alpha at all in its hardest step of Holm's
// correction.
int sign_flip_pairs_needed(int comparisons, double alpha);

// What earlier trials say about the standard deviation of the per-seed differences.
struct KnownSpread {
  double sd = 0;  // >= 0, in the unit of the metric
  int pairs = 0;  // that it is from
};

// The paragraph that `coordinator plan` and `submit` print: smallest detectable differences for spreads of 0.5, 1 and 2
// margins (for `known`, where it is given), alone and as the hardest of `comparisons` under Holm, and the sign-flip
// bound. One seed: says that no comparison is possible. Lines end in a newline. `margin` <= 0 means that the sweep
// states none: spreads are then in standard deviations.
std::string power_check_text(int seeds, int comparisons, double margin, double alpha,
                             const std::optional<KnownSpread>& known = {});

// Why the sweep as planned cannot answer its question (fewer than two seeds, or a difference of one margin would be
// missed when the differences spread as `known` says; where nothing is known, even when they spread by only half a
// margin); absent when it can. For `--strict`.
std::optional<std::string> power_problem(int seeds, int comparisons, double margin, double alpha,
                                         const std::optional<KnownSpread>& known = {});

}  // namespace autonorm::stats
