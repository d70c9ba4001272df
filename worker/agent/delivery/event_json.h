// One line of an attempt's events.jsonl: a fleet event's body with its number and the checkpoint folders that must be
// at the coordinator before it is sent.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/messages/fleet.h"

namespace autonorm::agent {

struct SpooledEvent {
  Seq seq;
  fleet::EventBody body;
  std::vector<std::string> needs;  // folders, relative to the attempt's
  bool operator==(const SpooledEvent&) const = default;
};

// Finished and Failed end an attempt.
bool is_terminal(const fleet::EventBody& body);

// Without the newline. NaN and infinities as strings.
std::string encode_line(const SpooledEvent& event);
// kInvalid: not such a line (a torn last one, for example).
Result<SpooledEvent> decode_line(std::string_view line);

}  // namespace autonorm::agent
