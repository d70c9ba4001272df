// What a trainer has made, as events for the coordinator. Checkpoints and models get a second name (hard links) below
// the attempt's outbox/, from where they are delivered: the trainer may remove its older checkpoints before that.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/messages/fleet.h"
#include "worker/control_protocol.h"

namespace autonorm::agent {

struct TrainerReport {
  fleet::EventBody body;
  std::vector<std::string> needs = {};  // folders below the attempt's that must be at the coordinator first
};

// `attempt`: the attempt's folder. The failure is that of a checkpoint that cannot be read or linked.
Result<TrainerReport> report_checkpoint(const worker::CheckpointEvent& event, const std::filesystem::path& attempt);
// A model that cannot be read or linked makes it a failure of the attempt.
TrainerReport report_result(const worker::FinishedEvent& event, const std::filesystem::path& attempt);

}  // namespace autonorm::agent
