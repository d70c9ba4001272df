// What a sweep file calls its variants and columns, and whether it speaks of them by those names.
#pragma once
#include <string>
#include <vector>

#include "core/config/diagnostics.h"
#include "core/config/sweep_document.h"

namespace autonorm::config {

std::vector<std::string> variant_names(const SweepDocument& document);
std::vector<std::string> axis_paths(const SweepDocument& document);
// The baseline, and the variants that excludes name.
void check_names(const SweepDocument& document, Diagnostics& diagnostics);
// Each of a stage's axes is a column of the matrix that the stage does not set itself.
void check_stage_axes(const SweepDocument& document, Diagnostics& diagnostics);

}  // namespace autonorm::config
