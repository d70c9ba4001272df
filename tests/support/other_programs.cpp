#include "tests/support/other_programs.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace autonorm::testing {
namespace {

// Of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
constexpr int kIdle = 3, kIoWait = 4, kColumns = 8;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

OtherPrograms::Used OtherPrograms::now() {
  Used used;
  std::ifstream file("/proc/stat");
  std::string name;
  file >> name;
  double ticks = 0;
  for (int column = 0; column < kColumns && file >> ticks; ++column) {
    const double span = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
    used.all += span;
    if (column != kIdle && column != kIoWait) used.busy += span;
  }
  rusage own{};
  getrusage(RUSAGE_SELF, &own);
  used.own = seconds(own.ru_utime) + seconds(own.ru_stime);
  return used;
}

double OtherPrograms::share() const {
  const Used after = now();
  const double all = after.all - before_.all;
  const double others = (after.busy - before_.busy) - (after.own - before_.own);
  return all > 0 ? std::clamp(others / all, 0.0, 1.0) : 0;
}

}  // namespace autonorm::testing
