// `trainer serve`: runs trials for a worker agent, one after the other, until it says exit or goes away.
#pragma once
#include <filesystem>

#include "core/data/dataset.h"
#include "worker/trainer/options.h"

namespace autonorm::trainer {

// Returns the exit code. Requires that the parent process is the agent (main has checked). Trials keep the data set of
// the one before. After a failed trial the agent ends this process, which waits for it.
int serve(const ServeOptions& options, const data::DataRoots& roots, const std::filesystem::path& cuda_library);

}  // namespace autonorm::trainer
