// What a report is asked for: values ↔ wire.
#pragma once
#include "autonorm/v1/control.pb.h"
#include "coordinator/report/report_data.h"
#include "core/base/status.h"

namespace autonorm::server {

void encode(const report::ReportOptions& options, v1::ReportRequest& wire);
// kInvalid: a word that this version does not know.
Result<report::ReportOptions> decode_options(const v1::ReportRequest& wire);

}  // namespace autonorm::server
