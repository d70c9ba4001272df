// The rows of a report and the histories of trials: values ↔ wire. Decoding refuses words and numbers that this version
// does not know with kInvalid.
#pragma once
#include "autonorm/v1/control.pb.h"
#include "coordinator/report/history.h"
#include "coordinator/report/report_data.h"
#include "core/base/status.h"

namespace autonorm::server {

void encode(const report::SweepRow& sweep, v1::ReportedSweep& wire);
void encode(const report::TrialRow& trial, v1::ReportedTrial& wire);
void encode(const report::TrialHistory& history, v1::TrialHistory& wire);

report::SweepRow decode(const v1::ReportedSweep& wire);
Result<report::TrialRow> decode(const v1::ReportedTrial& wire);
Result<report::TrialHistory> decode(const v1::TrialHistory& wire);

}  // namespace autonorm::server
