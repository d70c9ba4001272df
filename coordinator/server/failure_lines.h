// How an attempt ended, for people.
#pragma once
#include <string>
#include <vector>

#include "coordinator/store/store.h"

namespace autonorm::server {

// The end, then the last lines of its log where there are some; indented, to follow what explain says.
std::vector<std::string> failure_lines(const store::AttemptEnd& failure);

}  // namespace autonorm::server
