// What `trainer --help` and `trainer --version` print.
#pragma once
#include <string>

namespace autonorm::trainer {

std::string help_text();
std::string version_text();

}  // namespace autonorm::trainer
