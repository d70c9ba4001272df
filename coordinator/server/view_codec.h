// Views for people and what a client asks with: values ↔ wire (proto/autonorm/v1/control.proto). Decoding refuses words
// and numbers that this version does not know with kInvalid.
#pragma once
#include <vector>

#include "autonorm/v1/control.pb.h"
#include "coordinator/engine/engine.h"
#include "coordinator/store/log_reader.h"
#include "core/base/status.h"
#include "core/config/sweep.h"

namespace autonorm::server {

void encode(const engine::SweepView& view, v1::Sweep& wire);
void encode(const engine::TrialView& view, v1::Trial& wire);
void encode(const engine::WorkerView& view, v1::Worker& wire);
void encode(const engine::ExplainedTrial& trial, v1::ExplainedTrial& wire);
void encode(const store::AttemptSummary& attempt, v1::AttemptLog& wire);
void encode(const store::StoredLine& line, v1::StoredLine& wire);
void encode(const config::SweepSource& source, v1::SweepSource& wire);

Result<engine::SweepView> decode(const v1::Sweep& wire);
Result<engine::TrialView> decode(const v1::Trial& wire);
Result<store::AttemptSummary> decode(const v1::AttemptLog& wire);
store::StoredLine decode(const v1::StoredLine& wire);
engine::WorkerView decode(const v1::Worker& wire);
Result<engine::ExplainedTrial> decode(const v1::ExplainedTrial& wire);
Result<engine::TrialFilter> decode_filter(const v1::ListTrialsRequest& wire);
Result<config::SweepSource> decode(const v1::SweepSource& wire);

}  // namespace autonorm::server
