// Whether trials that were trained again came out the same. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/report/report_data.h"
#include "core/base/status.h"

namespace autonorm::report {

enum class Reproduction {
  kBitExact,         // same end, same weights and batch order, and the same value
  kWithinTolerance,  // another path to nearly the same value
  kIrreproducible,   // another end, or a value that is further off
  kUnfinished,       // the second training has no result (yet)
};
std::string_view name(Reproduction reproduction);  // "bit-exact", …

struct ReproducedTrial {
  TrialRow first, second;
  Reproduction outcome{};
  std::optional<double> difference;  // of the primary metric, second minus first
  std::string remark;                // what differs, where that is known
};
struct ReproductionReport {
  std::vector<ReproducedTrial> trials;
  double tolerance = 0;
  int count(Reproduction outcome) const;
};

// Pairs the rows of `again` with those of `first` by variant, cell and seed. `tolerance`: in the unit of the primary
// metric, >= 0. kInternal: a row of `again` has no counterpart.
Result<ReproductionReport> compare_reruns(const ReportData& first, const ReportData& again, double tolerance);
// For people: one line per trial, then the counts.
std::string reproduction_text(const ReportData& first, const ReproductionReport& report, bool colour);

}  // namespace autonorm::report
