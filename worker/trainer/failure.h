// Why a trial failed, in the words of EndReason (core/messages/trial_state.h), which decide whether it is tried again.
#pragma once
#include <exception>
#include <string>

#include "core/base/status.h"

namespace autonorm::trainer {

struct Failure {
  std::string reason;   // "bad_config" | "data_missing" | "data_corrupt" | "device_oom" | "host_oom" |
                        // "collective_aborted" | "trainer_crashed"
  std::string message;  // for people
};

// A configuration that cannot be read or does not fit model or data.
Failure bad_config(const Status& status);
// Data set or checkpoint of a stage: kNotFound → data_missing, kInvalid → data_corrupt.
Failure bad_data(const Status& status);
Failure crashed(const Status& status);
// What run_trial() returns: kInvalid → bad_config, kNotFound → data_missing, anything else → trainer_crashed.
Failure failed_run(const Status& status);
// What torch, c10d and the standard library throw. Call it in a catch block with std::current_exception().
Failure thrown(const std::exception_ptr& error);

}  // namespace autonorm::trainer
