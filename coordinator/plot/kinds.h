// The kinds of pictures. A new one is a file like these, a line here and a row in registry.cpp.
#pragma once
#include "coordinator/plot/figure.h"

namespace autonorm::plot {

extern const PlotKind kLearningCurves, kForest, kTradeOffLatency, kTradeOffMacs, kNormValues, kTimeline;

}  // namespace autonorm::plot
