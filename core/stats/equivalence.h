// Two one-sided tests of equivalence (Schuirmann 1987): are two variants closer than a margin that does not matter?
#pragma once
#include <optional>

#include "core/stats/paired_t.h"

namespace autonorm::stats {

// p of "the true mean difference lies outside (-margin, +margin)": the larger of the two one-sided paired t-tests.
// Below alpha exactly when the two-sided 1 - 2 alpha interval lies inside the margins. `margin` in the unit of the
// differences. Absent when margin <= 0, n < 2, or all differences are equal but not 0 (no spread to judge by); 0 when
// all are 0.
std::optional<double> equivalence_p(const PairedComparison& paired, double margin);

// Chance that n pairs show equivalence when the true mean difference is `delta` and differences have standard deviation
// `sd` > 0 (same unit as `margin` > 0), at level alpha of each one-sided test. n >= 2, alpha in (0, 0.5).
double equivalence_power(int n, double delta, double sd, double margin, double alpha);

}  // namespace autonorm::stats
