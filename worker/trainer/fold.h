// `trainer fold`: a trained model with its norms folded into the next Linear, as a checkpoint.
#pragma once
#include "core/data/dataset.h"
#include "worker/trainer/options.h"

namespace autonorm::trainer {

// Returns the exit code (options.h). What was folded, the largest difference and both speeds go to stdout.
int fold(const FoldOptions& options, const data::DataRoots& roots);

}  // namespace autonorm::trainer
