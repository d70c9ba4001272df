// All kinds of pictures.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "coordinator/plot/figure.h"
#include "core/base/status.h"

namespace autonorm::plot {

inline constexpr size_t kMostFigures = 200;

std::span<const PlotKind* const> kinds();
// Those of these names, in the order of the registry; all for none. kInvalid names what is allowed.
Result<std::vector<const PlotKind*>> kinds_named(const std::vector<std::string>& names);
// The refusal of more than kMostFigures.
Status too_many_figures();
// One line for each of `kinds` that none of `figures` is of: what the sweep lacks for it.
std::vector<std::string> undrawn(const std::vector<const PlotKind*>& kinds, const std::vector<Figure>& figures);
// kInvalid when there is nothing to draw, or more than kMostFigures.
Result<std::vector<Figure>> draw(const std::vector<const PlotKind*>& kinds, const PlotInput& input);

}  // namespace autonorm::plot
