#include "core/base/signal_name.h"

#include <cstring>

#include "core/base/status.h"

namespace autonorm {

std::string signal_name(int signal) {
  const char* abbreviation = sigabbrev_np(signal);
  return abbreviation ? cat("SIG", abbreviation) : cat("signal ", signal);
}

}  // namespace autonorm
