// Names that may come out alike, such as those of files made from names of any characters.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace autonorm {

// The names in their order; one that an earlier one has already gets the first number from 2 on ("a-2") that makes it
// none of the others, given or made.
std::vector<std::string> distinct_names(std::span<const std::string> names);

}  // namespace autonorm
