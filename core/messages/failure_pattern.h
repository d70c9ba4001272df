// What makes two failures the same one for people: the first line of the message, numbers and ids apart.
#pragma once
#include <string>
#include <string_view>

namespace autonorm {

std::string_view first_line(std::string_view text);
// The first line with every word of digits, and every hexadecimal one of 6 or more characters, as '#'.
std::string failure_pattern(std::string_view text);

}  // namespace autonorm
