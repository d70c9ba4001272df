// `trainer run`: one trial by hand, without a worker.
#pragma once
#include <filesystem>

#include "core/data/dataset.h"
#include "worker/trainer/options.h"

namespace autonorm::trainer {

// Returns the exit code (options.h). stdout gets one line, the result as JSON; everything else goes to stderr. The
// first Ctrl-C ends the trial after a checkpoint, the second at once.
int run(const RunOptions& options, const data::DataRoots& roots, const std::filesystem::path& cuda_library);

}  // namespace autonorm::trainer
