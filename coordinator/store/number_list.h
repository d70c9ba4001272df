// Numbers as the text of a JSON array, exact to the last bit: "[0.5,null,9e999]". Not a number is null; the infinities
// are ±9e999, which SQLite's JSON functions read as such.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace autonorm::store {

// One number of a list.
std::string number_text(double value);
// Throws SQLite::Exception when `text` is not such a list.
std::vector<double> parse_number_list(std::string_view text);

}  // namespace autonorm::store
