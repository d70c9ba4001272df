// Two sweeps side by side: what both hold, and the cells in which they differ, as one report.
#pragma once
#include "coordinator/report/report_data.h"
#include "core/base/status.h"

namespace autonorm::report {

// The label of a pair's cells that names their variant: "variant" itself is the side.
inline constexpr const char* kPairedVariant = "cell_variant";

// Cells are matched by content (a trial, else the configuration without its seed, that both have), whatever they are
// called; the others by variant and labels. Trials of equal content hash are the same trial and need no comparison;
// they are counted. In every other cell that both have, `first` is compared with `second` as its baseline, paired by
// seed: the variants of the result are the two sweeps, its labels are those of `first` and kPairedVariant besides.
// Metric, margin and alpha are the first one's. kInvalid when no cell is in both.
Result<ReportData> pair_sweeps(const ReportData& first, const ReportData& second);

}  // namespace autonorm::report
