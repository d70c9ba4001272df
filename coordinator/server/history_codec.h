// The rows of a report and the histories of trials: values ↔ wire. Decoding refuses words and numbers that this version
// does not know with kInvalid.
#pragma once
#include <vector>

#include "autonorm/v1/control.pb.h"
#include "coordinator/report/history.h"
#include "coordinator/report/report_data.h"
#include "core/base/status.h"

namespace autonorm::server {

void encode(const report::SweepRow& sweep, v1::ReportedSweep& wire);
// Fills `trials` and the lists that they share.
void encode(const std::vector<report::TrialRow>& trials, v1::ReadSweepReply& wire);
void encode(const report::TrainedAgain& again, v1::ReadSweepReply& wire);
void encode(const report::TrialHistory& history, v1::TrialHistory& wire);

report::SweepRow decode(const v1::ReportedSweep& wire);
Result<std::vector<report::TrialRow>> decode_rows(const v1::ReadSweepReply& wire);
Result<report::TrainedAgain> decode_trained_again(const v1::ReadSweepReply& wire);
Result<report::TrialHistory> decode(const v1::TrialHistory& wire);

}  // namespace autonorm::server
