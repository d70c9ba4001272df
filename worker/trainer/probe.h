// `trainer probe`.
#pragma once
#include "worker/trainer/options.h"

namespace autonorm::trainer {

// Returns the exit code; complaints go to stderr, the names to stdout.
int probe(const ProbeOptions& options);

}  // namespace autonorm::trainer
