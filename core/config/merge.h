// Laying tables of trial keys over each other: base, then preset, then variant.
#pragma once
#include <string>
#include <string_view>

#include "core/config/diagnostics.h"
#include "core/config/value.h"

namespace autonorm::config {

// Brings the ways of writing a trial's table to one: "a.b" = 1 becomes a = { b = 1 }, norm = "rms" becomes
// norm = { kind = "rms" } (also at sites). A key that is written twice is an error.
Value normalized(const Value& table, Diagnostics& diagnostics);

// Lays `over` on `under`. Tables merge key by key; one whose kind, family or name changes replaces the old one.
void merge_trial(Value& under, const Value& over);

// Sets what one axis of a matrix says at a dotted path. A table merges, anything else replaces only that key.
void merge_axis(Value& tree, const std::string& path, Place key_place, const Value& value);

}  // namespace autonorm::config
