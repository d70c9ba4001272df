// What must be right about the process before LibTorch's libraries initialise themselves or a thread starts.
#pragma once
#include <sys/types.h>

#include <filesystem>

#include "core/base/status.h"

namespace autonorm::trainer {

// Sets the environment variables that OpenMP, MKL, NCCL and cuBLAS read once, at load time: one thread that sleeps
// while it waits, aborts that leave the process alive, a repeatable workspace. When one was missing, replaces the
// process by itself with the same arguments; variables that are set already are left as they are. Returns only when
// nothing was missing.
Status ensure_environment(char** arguments);

// Ends this process when its parent dies. kConflict: the parent is not `parent`, i.e. it has died already.
Status die_with_parent(pid_t parent);

// The folder of the running program.
std::filesystem::path program_folder();

}  // namespace autonorm::trainer
