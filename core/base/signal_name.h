// What people call a signal.
#pragma once
#include <string>

namespace autonorm {

std::string signal_name(int signal);  // "SIGSEGV"; "signal 99" for one without a name

}  // namespace autonorm
