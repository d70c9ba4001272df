// Numbers for machines: at most 15 significant digits, in the notation of Python's repr ("0.95", "8386.0", "1e-05"). 15
// digits are what every reader, also one with a fast inexact number parser, gives back as the same double. Not a number
// is empty; the infinities are inf and -inf.
#pragma once
#include <string>

namespace autonorm::report {

void append_machine_number(std::string& text, double value);
std::string machine_number(double value);

}  // namespace autonorm::report
